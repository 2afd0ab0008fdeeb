/** Readers of archives that others wrote: Python's zipfile and Info-ZIP's unzip, for tests of our own writer. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const found = (program: string, args: string[]) => spawnSync(program, args).status === 0;

/** Why they cannot be asked, or false. */
export const noZipPeers: string | false = !found('python3', ['--version'])
  ? 'Python is not installed; on Debian: apt-get install python3'
  : !found('unzip', ['-v'])
    ? 'unzip is not installed; on Debian: apt-get install unzip'
    : false;

/** What Python's zipfile says about an entry. */
export interface PeerEntry {
  readonly name: string;
  readonly size: number;
  readonly crc32: number;
  /** Year, month, day, hour, minute, second. */
  readonly time: readonly number[];
  readonly mode: number;
  readonly method: number;
  readonly flags: number;
  readonly version: number;
}

const LISTING = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    bad = z.testzip()
    infos = z.infolist()
    print(json.dumps({'bad': bad, 'count': len(infos), 'entries': [
        {'name': i.filename, 'size': i.file_size, 'crc32': i.CRC, 'time': i.date_time,
         'mode': i.external_attr >> 16, 'method': i.compress_type, 'flags': i.flag_bits,
         'version': i.extract_version} for i in infos]}))
`;

/** The directory as Python reads it, once it has read every byte and compared every checksum. */
export async function pythonReads(path: string): Promise<PeerEntry[]> {
  const { stdout } = await run('python3', ['-c', LISTING, path], { maxBuffer: 1 << 28 });
  const read = JSON.parse(stdout) as { bad: string | null; entries: PeerEntry[] };
  assert.equal(read.bad, null, 'Python found a bad entry');
  return read.entries;
}

/**
 * Has unzip read every byte, or those of some entries, and compare their checksums.
 * @returns how many entries it lists
 */
export async function unzipReads(path: string, entries: readonly string[] = []): Promise<number> {
  const tested = await run('unzip', ['-tq', path, ...entries], { maxBuffer: 1 << 28 });
  assert.match(tested.stdout, /^No errors detected in /m, tested.stdout);
  const listed = await run('unzip', ['-Z1', path], { maxBuffer: 1 << 28 });
  return listed.stdout.split('\n').filter((line) => line !== '').length;
}
