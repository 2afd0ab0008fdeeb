/**
 * Faults under a real server: disks that are full, read-only or broken, and a clock that is set, by a library that
 * stands between the process and the system (`faults/shim.c`). Linux with glibc; the compiler is Debian's.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { debianProgram } from './debian.ts';
import { tempDir } from './temp.ts';

/** Numbers of Linux, the same on x64 and arm64 (`asm-generic/errno-base.h`). */
export const ERRNO = { EIO: 5, EMFILE: 24, ENOSPC: 28, EROFS: 30 } as const;
export type Errno = keyof typeof ERRNO;

/** Which calls fail, below the data directory. */
export interface DiskFault {
  readonly write?: Errno;
  readonly sync?: Errno;
  readonly open?: Errno;
  readonly read?: Errno;
}

export interface Faults extends AsyncDisposable {
  /** A folder for a server; its `data` is what the faults are about. */
  readonly folder: string;
  /** What the server's environment needs. */
  readonly env: Readonly<Record<string, string>>;
  /** Where everything that reached the files is written down, if that was asked for. */
  readonly record: string;
  /** From now on these calls fail, and no others. */
  disk(fault: DiskFault): void;
  /** Sets the wall clock so many milliseconds ahead of the machine's, or back. */
  clock(ms: number): void;
  remove(): Promise<void>;
}

/** Compiles the library. @throws Error when there is no compiler */
function compiled(folder: string): string {
  const library = join(folder, 'faults.so');
  const source = join(import.meta.dirname, 'faults', 'shim.c');
  const compiler = debianProgram('gcc');
  execFileSync(compiler, ['-O1', '-fPIC', '-shared', '-o', library, source, '-lpthread']);
  return library;
}

export async function faults({ recorded = false } = {}): Promise<Faults> {
  const dir = await tempDir();
  const library = compiled(dir.path);
  const folder = join(dir.path, 'server');
  await mkdir(folder, { mode: 0o700 });
  const control = join(dir.path, 'control');
  const record = join(dir.path, 'record');
  const file = openSync(control, 'w+');
  writeSync(file, new Uint8Array(64), 0, 64, 0);
  const remove = async () => {
    closeSync(file);
    await dir.remove();
  };
  return {
    folder,
    record,
    env: {
      LD_PRELOAD: library,
      FAULTS_CONTROL: control,
      FAULTS_UNDER: join(folder, 'data'),
      // What is opened by a path from the working directory would not be recognised.
      SAFE_DATA_DIR: join(folder, 'data'),
      ...(recorded && { FAULTS_RECORD: record }),
    },
    disk({ write, sync, open, read }) {
      const numbers = [write, sync, open, read].map((name) => (name === undefined ? 0 : ERRNO[name]));
      writeSync(file, new Uint8Array(Int32Array.from(numbers).buffer), 0, 16, 8);
    },
    clock(ms) {
      writeSync(file, new Uint8Array(BigInt64Array.of(BigInt(ms)).buffer), 0, 8, 0);
    },
    remove,
    [Symbol.asyncDispose]: remove,
  };
}
