/**
 * Test files that run several to a process. Most of what a small one costs is loading `src` and its peers, compiling
 * schemas and warming up, which its neighbours in the room need too: ten together cost half of what ten alone do.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Files to a process: more would save little, and leave one core with a long one at the end. */
const MEMBERS = 16;

/**
 * What a file may not share a process with others for: it waits while it loads, or has hooks outside of any suite, so
 * that tests of others would begin in between; or it changes or measures what belongs to the process.
 */
const ALONE = [
  /^(?:(?:export )?(?:const|let) .*= |for )?await\b/m,
  /^(?:before|after|beforeEach|afterEach)\(/m,
  /\bprocess\.(?:env|on|once|emit|chdir|umask|exitCode|cpuUsage|memoryUsage|resourceUsage)\b/,
  /\bglobalThis\b|\bmock\.|\bperformance\.now\b|\bmonitorEventLoopDelay\b/,
];

/** A module that loads some test files, one after the other. */
export interface Group {
  readonly path: string;
  /** For people. */
  readonly name: string;
  readonly files: readonly string[];
}

/** Deals files of the same folder out to groups and writes a module for each into `folder`; who must be alone is left. */
export async function groupFiles(
  files: readonly string[],
  folder: string,
): Promise<{ readonly groups: readonly Group[]; readonly alone: readonly string[] }> {
  const rooms = new Map<string, string[]>();
  const alone: string[] = [];
  for (const file of files) {
    const text = await readFile(file, 'utf8');
    if (ALONE.some((reason) => reason.test(text))) alone.push(file);
    else rooms.set(dirname(file), [...(rooms.get(dirname(file)) ?? []), file]);
  }
  const groups: Group[] = [];
  for (const [room, members] of rooms) {
    if (members.length === 1) alone.push(...members);
    if (members.length < 2) continue;
    const count = Math.ceil(members.length / MEMBERS);
    for (let at = 0; at < count; at += 1) {
      const some = members.filter((_, i) => i % count === at);
      const name = `${basename(room)}, group ${at + 1} of ${count}`;
      const path = join(folder, `${basename(room)}-${at + 1}.mjs`);
      const lines = some.map((file) => `import ${JSON.stringify(pathToFileURL(file).href)};\n`);
      await writeFile(path, lines.join(''));
      groups.push({ path, name, files: some });
    }
  }
  return { groups, alone };
}
