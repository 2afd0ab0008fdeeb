/**
 * Writes docs/openapi-main.json and docs/openapi-admin.json from the route tables.
 * `--check` writes nothing and fails when a file is not what the tables say.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { toJsonSchema } from '@valibot/to-json-schema';
import { VERSION } from '../src/core/version.ts';
import { adminRoutes } from '../src/handlers/admin.ts';
import { type Document, openapi } from '../src/handlers/kit/openapi.ts';
import type { Route } from '../src/handlers/kit/route.ts';
import { mainRoutes } from '../src/handlers/main.ts';

const TITLES = {
  main: ['Sallyport, main door', 'Sealed pastes. This door may face the public.'],
  admin: ['Sallyport, private door', "The operator's side. This door never faces the public."],
} as const;

function documentOf(door: keyof typeof TITLES, routes: readonly Route[]): Document {
  const [title, description] = TITLES[door];
  return openapi(routes, {
    title,
    description,
    version: VERSION,
    prefix: '',
    faults: door === 'admin' ? ['misdirected_request'] : [],
    schemaOf: (schema) => {
      const { $schema: _, ...rest } = toJsonSchema(schema, { errorMode: 'ignore' });
      return rest;
    },
  });
}

/** Both documents, by file name below the project's root. */
export function documents(): Readonly<Record<string, string>> {
  const text = (document: Document) => `${JSON.stringify(document, null, 2)}\n`;
  return {
    'docs/openapi-main.json': text(documentOf('main', mainRoutes)),
    'docs/openapi-admin.json': text(documentOf('admin', adminRoutes)),
  };
}

if (import.meta.main) {
  const check = process.argv.includes('--check');
  const stale: string[] = [];
  for (const [name, text] of Object.entries(documents())) {
    const file = new URL(`../${name}`, import.meta.url);
    const current = await readFile(file, 'utf8').catch(() => '');
    if (current === text) continue;
    if (check) stale.push(name);
    else await writeFile(file, text);
  }
  if (stale.length > 0) {
    console.error(`not what the route tables say: ${stale.join(', ')}; run node tools/openapi.ts`);
    process.exitCode = 1;
  }
}
