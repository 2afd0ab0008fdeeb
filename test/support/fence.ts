/**
 * Node's permission model around servers in tests, with the rights that docs/security.md gives them and no others.
 * With `SALLYPORT_TEST_FENCED=true` every server on Node that a test starts without options of its own is inside:
 *
 *     SALLYPORT_TEST_FENCED=true node --test test/runtimes/*.test.ts
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

export const FENCED = process.env.SALLYPORT_TEST_FENCED === 'true';

/**
 * The flags of the command in the document, for this checkout and a server in `folder`: its settings are
 * `sallyport.toml` there, its data lies in `data`.
 */
export function documentedFlags(folder: string): string[] {
  const text = readFileSync(join(root, 'docs', 'security.md'), 'utf8');
  const [, command = ''] = /```\n(node --permission[^`]*)```/.exec(text) ?? [];
  const flags = command.match(/--(?:permission|allow-\S+)/g) ?? [];
  if (flags.length < 9) throw new Error('docs/security.md has no command with --permission');
  return flags.map((flag) =>
    flag
      .replace('=/opt/sallyport', `=${root}`)
      .replace('=/etc/sallyport', `=${folder}`)
      .replace('=/var/lib/sallyport', `=${join(folder, 'data')}`),
  );
}

/** NODE_OPTIONS of a server in `folder` with these settings, whose files it may read. Makes its data directory. */
export function fenceAround(folder: string, settings: Readonly<Record<string, string>>): string {
  mkdirSync(join(folder, 'data'), { recursive: true });
  // Where settings are looked for when nobody says where they are.
  const places = [
    '/etc/sallyport/sallyport.toml',
    ...Object.values(settings).filter((value) => /^\//.test(value)),
  ];
  return [...documentedFlags(folder), ...places.map((path) => `--allow-fs-read=${path}`)].join(' ');
}
