/**
 * Listening sockets that a service manager opened and hands over at start (`sd_listen_fds(3)`): `LISTEN_FDS` of them
 * from descriptor 3 on, for the process `LISTEN_PID`, named by `LISTEN_FDNAMES`. While the service restarts, the
 * manager keeps them open, and connections wait in them.
 */
import { StartError } from './listener.ts';

/** The first descriptor after standard input, output and error. */
const FIRST = 3;
/** More sockets than any service has doors and addresses. */
const MOST = 64;

export interface HandedSockets {
  /** Descriptors by door; a door without any opens its own addresses. */
  readonly main: readonly number[];
  readonly admin: readonly number[];
}

const advice = 'Name each socket main or admin: FileDescriptorName= in its unit.';

/**
 * The sockets for this process, or undefined when none were meant for it.
 * @throws StartError when they are not named after doors: a socket of unknown purpose must not become a door
 */
export function handedSockets(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): HandedSockets | undefined {
  // The environment is inherited: what was for a parent is not for us.
  if (env.LISTEN_FDS === undefined || env.LISTEN_PID !== String(pid)) return undefined;
  const count = /^\d{1,3}$/.test(env.LISTEN_FDS) ? Number(env.LISTEN_FDS) : Number.NaN;
  if (!(count <= MOST)) throw new StartError(`LISTEN_FDS is not a number of at most ${MOST}.`);
  if (count === 0) return undefined;
  const names = (env.LISTEN_FDNAMES ?? '').split(':');
  if (names.length !== count)
    throw new StartError(
      `${count} sockets were handed over, and LISTEN_FDNAMES does not name each. ${advice}`,
    );
  const doors = { main: [] as number[], admin: [] as number[] };
  for (const [index, name] of names.entries()) {
    if (name !== 'main' && name !== 'admin')
      throw new StartError(`A socket was handed over for no door of this server. ${advice}`);
    doors[name].push(FIRST + index);
  }
  return doors;
}
