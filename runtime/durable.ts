/** Makes names last: a file whose folder was not flushed can be gone after a loss of power, whatever was written to it. */
import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Makes what was created, renamed or removed in a folder durable, where the system can. */
export function syncDirectory(path: string): void {
  try {
    const directory = openSync(path, 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  } catch {
    // Windows cannot open a directory, and Node under `--permission` cannot flush one: the file system's order is left.
  }
}
