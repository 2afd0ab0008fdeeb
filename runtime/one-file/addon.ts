/**
 * The database engine in an executable of one file. The build puts this in the place of the package's own search for
 * its addon (tools/binary/bundle.ts).
 *
 * Systems load libraries from files alone, so it is written to a private folder first. On Linux its name is gone
 * before it is loaded, so that nothing is left behind however the process ends; elsewhere it goes with the process.
 */
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';

/** Where threads find what the main thread has unpacked. */
const PLACE = 'sallyport-addon';
/** The name of the addon among the assets of a Node executable. */
export const ADDON_ASSET = 'libsql.node';
/** Under this name the entry for Bun says where the addon lies in the executable. */
const BUN_ADDON = Symbol.for('sallyport.addon');

/** SHA-256 of the addon in hex, filled in by the build. */
declare const SALLYPORT_ADDON_SHA256: string;

function embedded(): Uint8Array {
  const place: unknown = Reflect.get(globalThis, BUN_ADDON);
  const bytes =
    typeof place === 'string'
      ? readFileSync(place)
      : new Uint8Array(process.getBuiltinModule('node:sea').getRawAsset(ADDON_ASSET));
  if (createHash('sha256').update(bytes).digest('hex') !== SALLYPORT_ADDON_SHA256)
    throw new Error('This executable is damaged: its database engine has another digest. Get it again.');
  return bytes;
}

type Exports = Readonly<Record<string, unknown>>;

function load(path: string): Exports {
  const module = { exports: {} };
  process.dlopen(module, path);
  return module.exports;
}

/** Writes it to a private folder in `parent` and loads it. */
function loadFrom(parent: string, bytes: Uint8Array): Exports {
  const folder = mkdtempSync(join(parent, 'sallyport-'));
  const path = join(folder, ADDON_ASSET);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  let descriptor: number | undefined;
  try {
    writeFileSync(path, bytes, { flag: 'wx', mode: 0o500 });
    if (process.platform === 'linux') {
      // The descriptor stays open as long as the process: threads load the same file by it.
      descriptor = openSync(path, 'r');
      const loaded = loadNameless(`/proc/self/fd/${descriptor}`);
      if (loaded !== undefined) {
        remove();
        return loaded;
      }
      closeSync(descriptor);
      descriptor = undefined;
    }
    const loaded = load(path);
    setEnvironmentData(PLACE, path);
    process.once('exit', remove);
    return loaded;
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    remove();
    throw error;
  }
}

/** Undefined where there is no /proc, or the file cannot be loaded through it. */
function loadNameless(path: string): Exports | undefined {
  try {
    const loaded = load(path);
    setEnvironmentData(PLACE, path);
    return loaded;
  } catch {
    return undefined;
  }
}

/** Loads the addon: in the main thread from the executable, in others from where that has put it. */
function loadAddon(): Exports {
  const known = getEnvironmentData(PLACE);
  if (typeof known === 'string') return load(known);
  if (!isMainThread) throw new Error('The main thread has not loaded the database engine.');
  const bytes = embedded();
  let first: unknown;
  // A temporary folder may be mounted so that nothing in it can be run.
  for (const parent of [tmpdir(), process.cwd()]) {
    try {
      return loadFrom(parent, bytes);
    } catch (error) {
      first ??= error;
    }
  }
  const why = first instanceof Error ? first.message : String(first);
  throw new Error(
    `The database engine cannot be loaded from a temporary folder (${why}). Set TMPDIR to a folder from which programs may be run.`,
  );
}

const addon = loadAddon();
export default addon;
