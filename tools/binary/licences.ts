/** The licence texts of everything that an executable holds, as whoever hands it on must hand them on too. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

/** The folders, relative to the project, of all packages of which something is in these bundles. */
function packagesOf(metafiles: readonly Metafile[]): readonly string[] {
  const folders = new Set<string>();
  for (const { inputs } of metafiles)
    for (const input of Object.keys(inputs)) {
      const [, folder] = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input) ?? [];
      if (folder !== undefined) folders.add(folder);
    }
  return [...folders].sort();
}

/** The licence of a package: its file, else what its description names. */
async function licenceOf(folder: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name)).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  if (texts.length > 0) return texts.map((text) => text.replaceAll('\r\n', '\n').trim()).join('\n\n');
  const { license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    license?: string;
  };
  return `Licence: ${license ?? 'not stated'}`;
}

/** @param more further folders, such as the runtime's own */
export async function licences(
  root: string,
  metafiles: readonly Metafile[],
  more: readonly string[],
): Promise<string> {
  const parts = [`Sallyport\n\n${(await readFile(join(root, 'LICENSE'), 'utf8')).trim()}`];
  for (const folder of [...packagesOf(metafiles).map((name) => join(root, name)), ...more]) {
    const { name, version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
      name: string;
      version: string;
    };
    parts.push(`${name} ${version}\n\n${await licenceOf(folder)}`);
  }
  return `${parts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}
