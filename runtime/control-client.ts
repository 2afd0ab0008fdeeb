/** The side of the control socket that asks. */

import { connect, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { ControlError, isRecord, onLines, parse, SOCKET_NAME } from './control-protocol.ts';
import { withSocketPath } from './socket-path.ts';

/**
 * Sends one command to the owner of `dataDir` and answers its result. Throws ControlError: `no_server` when the
 * caller may do the work itself (after it has acquired the directory).
 */
export async function callControl(
  dataDir: string,
  cmd: string,
  args: unknown = null,
  { timeoutMs = 30_000 }: { timeoutMs?: number } = {},
): Promise<unknown> {
  const dir = resolve(dataDir);
  const socket = await withSocketPath(dir, SOCKET_NAME, (path) => open(path, dir));
  try {
    const line = await exchange(socket, `${JSON.stringify({ cmd, args })}\n`, timeoutMs);
    const answer: unknown = parse(line);
    if (!isRecord(answer) || typeof answer.ok !== 'boolean') {
      throw new ControlError(
        'broken',
        'What answers on the control socket is not this server. Is another program using the data directory?',
      );
    }
    if (!answer.ok) throw new ControlError('refused', String(answer.error));
    return answer.result;
  } finally {
    socket.destroy();
  }
}

function open(path: string, dir: string): Promise<Socket> {
  return new Promise((done, fail) => {
    const socket = connect(path);
    socket.once('connect', () => done(socket));
    socket.once('error', (thrown: NodeJS.ErrnoException) => {
      socket.destroy();
      const nobody = thrown.code === 'ENOENT' || thrown.code === 'ECONNREFUSED';
      fail(
        nobody
          ? new ControlError('no_server', `No server is running on the data directory ${dir}.`)
          : new ControlError(
              'unusable',
              `The control socket in ${dir} cannot be opened (${thrown.code}). Run this as the user who runs the server.`,
            ),
      );
    });
  });
}

/** Sends `request` and answers the first line that comes back. */
function exchange(socket: Socket, request: string, timeoutMs: number): Promise<string> {
  return new Promise((done, fail) => {
    const broken = (what: string): void =>
      fail(new ControlError('broken', `The server ${what}. Its log may say why; then try again.`));
    const timer = setTimeout(() => broken('did not answer in time'), timeoutMs);
    socket.on('close', () => {
      clearTimeout(timer);
      broken('ended the connection without an answer');
    });
    socket.on('error', () => broken('broke the connection'));
    onLines(socket, (line) => {
      clearTimeout(timer);
      done(line);
    });
    socket.write(request);
  });
}
