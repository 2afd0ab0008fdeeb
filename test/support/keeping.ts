/** `sallyport backup`, `restore` and `doctor` as processes, and what they are tried on. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import type { Session } from './ask.ts';
import type { BothDoors } from './both-doors.ts';
import { CHILD_ENV } from './child-env.ts';
import { newIncident, newStream, sealedChunk } from './evidence.ts';
import { ORIGIN } from './house.ts';
import { digestOf, putHeaders } from './uploading.ts';

const CLI = fileURLToPath(new URL('../../cli/sallyport.ts', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: Buffer;
  /** Standard output as text. */
  readonly text: string;
  readonly said: string;
}

export interface Keeping {
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input; nothing unless given. */
  readonly input?: Uint8Array;
}

/** Starts a command. */
export function begin(folder: string, args: readonly string[], { env = {}, input }: Keeping = {}) {
  const child: ChildProcess = spawn(process.execPath, [CLI, ...args], {
    cwd: folder,
    env: { ...CHILD_ENV, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  let said = '';
  child.stdout?.on('data', (piece: Buffer) => out.push(piece));
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    said += piece;
  });
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  const ended = once(child, 'close').then(([code, signal]): Ended => {
    const whole = Buffer.concat(out);
    return { code, signal, out: whole, text: whole.toString('utf8'), said };
  });
  return { child, ended };
}

/** Runs a command to its end. */
export function keep(folder: string, args: readonly string[], keeping: Keeping = {}): Promise<Ended> {
  return begin(folder, args, keeping).ended;
}

/** Runs a command that must end so; the default is well. */
export async function kept(
  folder: string,
  args: readonly string[],
  code = 0,
  keeping: Keeping = {},
): Promise<Ended> {
  const ended = await keep(folder, args, keeping);
  assert.equal(ended.code, code, `${args.join(' ')}: ${ended.text}${ended.said}`);
  return ended;
}

/** Runs a command and kills it as soon as `when` says so; how it ended, which may have been before. */
export async function killedWhen(
  folder: string,
  args: readonly string[],
  when: () => boolean,
  keeping: Keeping = {},
): Promise<Ended> {
  const { child, ended } = begin(folder, args, keeping);
  while (child.exitCode === null && child.signalCode === null) {
    if (when()) {
      child.kill('SIGKILL');
      break;
    }
    await turn();
  }
  return ended;
}

/** An age identity in `name` of the folder, and its recipient. */
export async function identityIn(folder: string, name = 'identity.txt'): Promise<string> {
  const identity = await generateX25519Identity();
  await writeFile(join(folder, name), `${identity}\n`, { mode: 0o600 });
  return identityToRecipient(identity);
}

export interface WrittenPaste {
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** Creates a paste of random bytes. */
export async function writePaste(main: string, size: number): Promise<WrittenPaste> {
  const bytes = new Uint8Array(randomBytes(size));
  const response = await fetch(`${main}/`, { method: 'POST', body: bytes });
  const text = await response.text();
  assert.equal(response.status, 201, text);
  return { id: (JSON.parse(text) as { id: string }).id, bytes };
}

export async function hasPaste(main: string, { id, bytes }: WrittenPaste): Promise<void> {
  const response = await fetch(`${main}/${id}/raw`);
  assert.equal(response.status, 200, `paste ${id}`);
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(bytes), `the bytes of paste ${id}`);
}

export interface Recording {
  readonly incidentId: string;
  readonly streamId: string;
  /** Uploads the next chunk. */
  next(size: number): Promise<WrittenChunk>;
}

export interface WrittenChunk {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Opens a stream to record into. */
export async function record(doors: BothDoors, as: Session): Promise<Recording> {
  const incidentId = await newIncident(doors, as);
  const streamId = await newStream(doors, as, incidentId);
  let index = 0;
  return {
    incidentId,
    streamId,
    async next(size) {
      index += 1;
      const media = new Uint8Array(randomBytes(size));
      const bytes = await sealedChunk({ incidentId, streamId, index, media });
      const path = `/v1/incidents/${incidentId}/streams/${streamId}/chunks/${index}`;
      const response = await doors.main(
        new Request(`${ORIGIN}${path}`, {
          method: 'PUT',
          headers: {
            authorization: `Bearer ${as.token}`,
            ...putHeaders({ bytes }),
            'content-digest': digestOf(bytes),
          } as HeadersInit,
          body: bytes,
        }),
      );
      assert.equal(response.status, 201, await response.text());
      return { path, bytes };
    },
  };
}
