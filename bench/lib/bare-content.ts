/** What the bare servers give. */
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';

const given = new Map<number, Buffer>();

/** So many bytes, made once. */
export function giveOf(bytes: number): Buffer {
  const known = given.get(bytes) ?? Buffer.alloc(bytes, 'x');
  given.set(bytes, known);
  return known;
}

const PIECE = 1024 * 1024;

/** The path of a file of so many bytes, made at the first call. */
export async function fileOf(folder: string, bytes: number): Promise<string> {
  const path = join(folder, `file-${bytes}`);
  const there = await stat(path).catch(() => undefined);
  if (there?.size === bytes) return path;
  const file = await open(path, 'w');
  for (let left = bytes; left > 0; left -= PIECE) await file.write(giveOf(Math.min(left, PIECE)));
  await file.close();
  return path;
}
