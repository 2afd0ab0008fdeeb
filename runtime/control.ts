/**
 * Who owns a data directory, and how operator commands reach the owner.
 *
 * The owner holds `server.lock` and answers on the Unix socket `control.sock` (control-protocol.ts). Whoever can
 * open the socket may send any command: it is 0600 in a directory that is 0700.
 */

import { chmod, mkdir, rm, stat } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { callControl } from './control-client.ts';
import { ControlError, isRecord, messageOf, onLines, parse, SOCKET_NAME } from './control-protocol.ts';
import { syncDirectory } from './durable.ts';
import { type Lock, takeLock } from './lock.ts';
import { withSocketPath } from './socket-path.ts';

export const LOCK_NAME = 'server.lock';

/** A command gets the request's `args` and answers what can be JSON. The message of what it throws is sent back. */
export type ControlCommand = (args: unknown) => unknown;
export type ControlCommands = Readonly<Record<string, ControlCommand>>;

/** What `whoami` answers. */
export interface Owner {
  readonly program: 'sallyport';
  readonly version: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly since: string;
}

export interface Ownership {
  /** Adds commands to those that are answered. */
  answer(commands: ControlCommands): void;
  /** Stops answering and gives the directory up. Commands under way still get their answer. */
  release(): Promise<void>;
}

const MOST_CONNECTIONS = 32;
/** How long a new owner may take until it answers, and how long we ask it, in milliseconds. */
const STARTING_MS = 2000;

/**
 * Makes this process the owner of `dataDir` (made 0700 if it is missing, and set to 0700 if it is not). `now` is in
 * milliseconds since the epoch. Throws ControlError, `held` with a sentence that says who holds it.
 */
export async function acquire(
  dataDir: string,
  { version, now, commands = {} }: { version: string; now: number; commands?: ControlCommands },
): Promise<Ownership> {
  const dir = resolve(dataDir);
  await makePrivate(dir);
  const lock = lockOf(dir);
  if (lock === undefined) throw new ControlError('held', await heldBy(dir));
  const owner: Owner = {
    program: 'sallyport',
    version,
    pid: process.pid,
    since: new Date(now).toISOString(),
  };
  const table = new Map<string, ControlCommand>([['whoami', () => owner], ...Object.entries(commands)]);
  const sockets = new Map<Socket, { busy: boolean }>();
  const server = createServer((socket) => serveSocket(socket, table, sockets));
  server.maxConnections = MOST_CONNECTIONS;
  try {
    // Only the holder of the lock touches the socket, so this one is a dead process's.
    await rm(join(dir, SOCKET_NAME), { force: true });
    await withSocketPath(dir, SOCKET_NAME, (path) => listen(server, path));
    await chmod(join(dir, SOCKET_NAME), 0o600);
  } catch (thrown) {
    server.close();
    lock.release();
    throw new ControlError(
      'unusable',
      `${join(dir, SOCKET_NAME)} cannot be used: ${messageOf(thrown)}. ` +
        'The disk must have room, be writable, and be one of this machine: network file systems have no such sockets.',
    );
  }
  let released = false;
  return {
    answer(more) {
      for (const [name, command] of Object.entries(more)) table.set(name, command);
    },
    async release() {
      if (released) return;
      released = true;
      server.close();
      for (const [socket, { busy }] of sockets) if (!busy) socket.destroy();
      await rm(join(dir, SOCKET_NAME), { force: true });
      lock.release();
    },
  };
}

async function makePrivate(dir: string): Promise<void> {
  try {
    const made = await mkdir(dir, { recursive: true, mode: 0o700 });
    if (made !== undefined) syncDirectory(dirname(made));
    if (((await stat(dir)).mode & 0o777) !== 0o700) await chmod(dir, 0o700);
  } catch (thrown) {
    const advice =
      'It must be a directory that belongs to the user who runs the server. If a disk is to be mounted there, is it?';
    throw new ControlError(
      'unusable',
      `The data directory ${dir} cannot be used: ${messageOf(thrown)}. ${advice}`,
    );
  }
}

function lockOf(dir: string): Lock | undefined {
  try {
    return takeLock(join(dir, LOCK_NAME));
  } catch (thrown) {
    throw new ControlError(
      'unusable',
      `${join(dir, LOCK_NAME)} cannot be locked: ${messageOf(thrown)}. ` +
        'The disk must have room and be writable, and the folder must belong to the user who runs the server.',
    );
  }
}

/** The sentence that refuses a second owner. One that has just locked the directory may need a moment to answer. */
async function heldBy(dir: string): Promise<string> {
  for (let waited = 0; waited < STARTING_MS; waited += 100) {
    try {
      const owner = await callControl(dir, 'whoami', null, { timeoutMs: STARTING_MS });
      if (isRecord(owner)) {
        return (
          `The data directory ${dir} is in use by ${owner.program} ${owner.version}, process ` +
          `${owner.pid}, since ${owner.since}. Stop that process first, or use another directory.`
        );
      }
    } catch (thrown) {
      if (!(thrown instanceof ControlError) || thrown.problem !== 'no_server') break;
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  return (
    `The data directory ${dir} is in use by a process that does not answer on ${SOCKET_NAME}: it is starting, ` +
    `stopping or stuck. Find it with: fuser ${join(dir, LOCK_NAME)}`
  );
}

function serveSocket(
  socket: Socket,
  table: ReadonlyMap<string, ControlCommand>,
  sockets: Map<Socket, { busy: boolean }>,
): void {
  const state = { busy: false };
  sockets.set(socket, state);
  socket.on('close', () => sockets.delete(socket));
  socket.on('error', () => socket.destroy());
  onLines(socket, (line, done) => {
    state.busy = true;
    runCommand(line, table).then((answer) => {
      state.busy = false;
      if (socket.writable) socket.write(`${answer}\n`);
      done();
    });
  });
}

async function runCommand(line: string, table: ReadonlyMap<string, ControlCommand>): Promise<string> {
  try {
    const request: unknown = parse(line);
    const cmd = isRecord(request) ? request.cmd : undefined;
    const command = typeof cmd === 'string' ? table.get(cmd) : undefined;
    if (!isRecord(request) || command === undefined) {
      return JSON.stringify({
        ok: false,
        error: 'This server has no such command: is it of the same version?',
      });
    }
    return JSON.stringify({ ok: true, result: (await command(request.args)) ?? null });
  } catch (thrown) {
    return JSON.stringify({ ok: false, error: messageOf(thrown) });
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(path, () => {
      server.off('error', fail);
      done();
    });
  });
}
