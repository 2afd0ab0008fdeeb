/**
 * Writes docs/release-notes.md: what is new, and the digest by which a downloaded client is recognised.
 * `--check` writes nothing and fails when the file is not what changelog and client say.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VERSION } from '../src/core/version.ts';
import { CLIENT_BYTES, CLIENT_SHA256_BASE64, CLIENT_SHA256_HEX } from '../src/generated/client.ts';

const ROOT = join(import.meta.dirname, '..');
const FILE = 'docs/release-notes.md';

/** The notes of the version that comes next. */
export async function releaseNotes(): Promise<string> {
  const changelog = await readFile(join(ROOT, 'CHANGELOG.md'), 'utf8');
  const [, after = ''] = changelog.split('## [Unreleased]\n');
  const [section = ''] = after.split(/^## \[/m);
  return `# Sallyport ${VERSION}

## The client

\`fpaste\` of this version is one file of ${CLIENT_BYTES} bytes. Whoever must not trust the server compares its digest with this one, from a place that the server does not control:

\`\`\`
sha256  ${CLIENT_SHA256_HEX}
\`\`\`

\`fpaste --version\` and \`sha256sum fpaste\` print it, and \`GET /client\` sends it as \`Content-Digest: sha-256=:${CLIENT_SHA256_BASE64}:\`. The build is reproducible: \`node tools/build-client.ts\` gives the same bytes.

## What is new

${section.trim()}
`;
}

if (import.meta.main) {
  const text = await releaseNotes();
  const current = await readFile(join(ROOT, FILE), 'utf8').catch(() => '');
  if (current !== text && process.argv.includes('--check')) {
    console.error(`${FILE} is not what the changelog and the client say; run node tools/release-notes.ts`);
    process.exitCode = 1;
  } else if (current !== text) {
    await writeFile(join(ROOT, FILE), text);
  }
}
