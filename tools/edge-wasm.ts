/**
 * Takes the WebAssembly modules of Argon2id out of hash-wasm, where they lie as base64 in a script: an edge runtime
 * runs modules that are deployed with it and compiles none. Each file's name carries the SHA-256 of its bytes, by
 * which `runtime/edge/argon2.ts` finds it again.
 *
 *     node tools/edge-wasm.ts           writes runtime/edge/wasm
 *     node tools/edge-wasm.ts --check   fails when that is not what the installed hash-wasm holds
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What Argon2id is made of, by hash-wasm's own names. */
const NEEDED = ['argon2', 'blake2b'] as const;

export interface WasmModule {
  readonly name: string;
  /** Lower-case hex SHA-256. */
  readonly sha256: string;
  readonly bytes: Uint8Array;
  /** `name.sha256.wasm` */
  readonly file: string;
}

const FOLDER = join('runtime', 'edge', 'wasm');
const INDEX = 'index.ts';

/** The modules in the installed hash-wasm. Throws when it does not hold them as it did. */
export function wasmModules(root: string): readonly WasmModule[] {
  const script = readFileSync(join(root, 'node_modules', 'hash-wasm', 'dist', 'index.esm.js'), 'utf8');
  return NEEDED.map((name) => {
    const found = [
      ...script.matchAll(
        new RegExp(`^var name\\S* = "${name}";\\nvar data\\S* = "([A-Za-z0-9+/=]+)";$`, 'gm'),
      ),
    ];
    const [one] = found;
    if (one?.[1] === undefined || found.length !== 1) {
      throw new Error(
        `hash-wasm does not hold one module ${name} where it did: look at its dist/index.esm.js`,
      );
    }
    const bytes = new Uint8Array(Buffer.from(one[1], 'base64'));
    if (!WebAssembly.validate(bytes)) throw new Error(`the module ${name} of hash-wasm is not WebAssembly`);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { name, sha256, bytes, file: `${name}.${sha256}.wasm` };
  });
}

/** The script that imports them. */
function indexOf(modules: readonly WasmModule[]): string {
  const imports = modules.map(({ name, file }) => `import ${name} from './${file}';\n`);
  const entries = modules.map(({ name, sha256 }) => `  ['${sha256}', ${name}],\n`);
  return [
    '/** Made by tools/edge-wasm.ts: the modules of Argon2id by the SHA-256 of their bytes. */\n',
    ...imports,
    '\nexport const modules: ReadonlyMap<string, WebAssembly.Module> = new Map([\n',
    ...entries,
    ']);\n',
  ].join('');
}

/** What is wrong with the files that are there, a line each. */
export function staleModules(root: string): readonly string[] {
  const modules = wasmModules(root);
  const wanted = new Map<string, Uint8Array>(modules.map(({ file, bytes }) => [file, bytes]));
  wanted.set(INDEX, new TextEncoder().encode(indexOf(modules)));
  const there = readdirSync(join(root, FOLDER));
  const problems = there
    .filter((file) => !wanted.has(file))
    .map((file) => `${join(FOLDER, file)} is too much`);
  for (const [file, bytes] of wanted) {
    if (!there.includes(file)) problems.push(`${join(FOLDER, file)} is missing`);
    else if (!readFileSync(join(root, FOLDER, file)).equals(bytes))
      problems.push(`${join(FOLDER, file)} differs`);
  }
  return problems;
}

function write(root: string): void {
  const folder = join(root, FOLDER);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const modules = wasmModules(root);
  for (const { file, bytes } of modules) writeFileSync(join(folder, file), bytes);
  writeFileSync(join(folder, INDEX), indexOf(modules));
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..');
  if (process.argv.includes('--check')) {
    const problems = staleModules(root);
    for (const problem of problems) console.log(problem);
    if (problems.length > 0) process.exitCode = 1;
  } else write(root);
}
