/** The target that talks to sockets of the real server: whatever is said, it lives, and answers the next who asks. */
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { type RuntimeName, startServer, type TestServer } from '../../../test/support/server.ts';
import { chanceOf } from '../chance.ts';
import { Broken, type Budget, must, type Outcome, saying, type Target } from '../target.ts';
import { HIDDEN, type Talk, talkOf } from './talks.ts';

/** Connections that are open at a time. */
const TOGETHER = 16;
/** What is not answered by then is left: a body that does not come may be waited for longer. */
const LISTENING_MS = 300;
const MIB = 1024 * 1024;
const SETTINGS = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED: 'false',
  // Room for one upload of this size: what a broken one leaves behind would be in the way.
  SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES: String(2 * MIB),
};
/** Files that a process may open for itself meanwhile. */
const FILES_SLACK = 12;

/** Says it, and answers what was heard. */
function speak(origin: string, { pieces, cut }: Talk): Promise<string> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(Number(port), hostname);
    const timer = setTimeout(() => socket.destroy(), LISTENING_MS);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      heard += text;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(heard);
    });
    socket.on('connect', () => {
      const left = [...pieces];
      const next = () => {
        const piece = left.shift();
        if (piece !== undefined) socket.write(piece, 'latin1', () => setImmediate(next));
        else if (cut) socket.destroy();
        else socket.end();
      };
      next();
    });
  });
}

function check(talk: Talk, heard: string): void {
  const said = JSON.stringify(talk.pieces.join('').slice(0, 200));
  must(!/^HTTP\/1\.1 500 /m.test(heard), () => `500 to ${said}`);
  must(!talk.closed || !heard.includes(HIDDEN), () => `a request in a body is answered: ${said}`);
  must(
    !/\n {4}at |node:internal|\/src\//.test(heard),
    () => `an answer tells what is inside: ${heard.slice(0, 300)}`,
  );
}

/** An honest request is answered at both doors. */
async function honest(server: TestServer): Promise<void> {
  for (const url of [`${server.main}/challenge`, `${server.admin}/admin`]) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(60_000) }).catch((error: unknown) => {
      throw new Broken(`${url} is not answered any more: ${saying(error)}\n${server.said().slice(-2000)}`);
    });
    await answer.arrayBuffer();
    must(answer.status === 200, () => `${url} is answered with ${answer.status}`);
  }
}

async function round(server: TestServer, talks: readonly Talk[]): Promise<void> {
  const heard = await Promise.all(
    talks.map((talk, at) => speak(at % 4 === 3 ? server.admin : server.main, talk)),
  );
  for (const [at, talk] of talks.entries()) check(talk, heard[at] ?? '');
  await honest(server);
}

/** Open files of a process; undefined where the system does not tell. */
function openFiles(pid: number): number | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return undefined;
  }
}

/** Sockets and staged bytes are given back, and the log has no defect. */
async function aftermath(server: TestServer, before: number | undefined): Promise<void> {
  let files = openFiles(server.pid);
  for (
    let tries = 0;
    tries < 600 && before !== undefined && (files ?? 0) > before + FILES_SLACK;
    tries += 1
  ) {
    await honest(server);
    files = openFiles(server.pid);
  }
  if (before !== undefined)
    must((files ?? 0) <= before + FILES_SLACK, () => `${files} files are open, and ${before} were before`);
  let status = 507;
  for (let tries = 0; tries < 600 && status === 507; tries += 1) {
    const body = new Uint8Array(2 * MIB).fill(tries % 251);
    status = (await fetch(`${server.main}/`, { method: 'POST', body })).status;
  }
  must(status === 201, () => `there is no room for an upload any more: ${status}`);
  for (const line of server.lines())
    must(line.error_type === undefined || line.status === 503, () => `the log says ${JSON.stringify(line)}`);
}

interface SocketInput {
  readonly talks: readonly Talk[];
}

export function socketTarget(runtime: RuntimeName): Target {
  const name = `sockets-${runtime}`;
  const start = () => startServer({ runtime, settings: SETTINGS });

  async function alone({ talks }: SocketInput): Promise<string | undefined> {
    const server = await start();
    try {
      await honest(server);
      await round(server, talks);
      return undefined;
    } catch (error) {
      return saying(error);
    } finally {
      await server.stop('SIGKILL');
    }
  }

  /** The fewest talks that still break it, each with a server of its own. */
  async function fewest(talks: readonly Talk[]): Promise<readonly Talk[]> {
    for (const talk of talks) if ((await alone({ talks: [talk] })) !== undefined) return [talk];
    return talks;
  }

  async function fuzz({ seed, more, progress }: Budget): Promise<Outcome> {
    const chance = chanceOf(seed);
    const server = await start();
    let runs = 0;
    try {
      await honest(server);
      const before = openFiles(server.pid);
      while (more(runs)) {
        const talks = Array.from({ length: TOGETHER }, () => talkOf(chance));
        try {
          await round(server, talks);
        } catch (error) {
          const input = { talks: await fewest(talks) };
          return { runs, find: { target: name, seed, input, message: saying(error) } };
        }
        runs += talks.length;
        progress(runs);
      }
      try {
        await aftermath(server, before);
        const { code } = await server.stop();
        must(code === 0, () => `the server ended with ${code}: ${server.said().slice(-2000)}`);
      } catch (error) {
        return { runs, find: { target: name, seed, input: { talks: [] }, message: saying(error) } };
      }
      return { runs };
    } finally {
      await server.stop('SIGKILL');
    }
  }

  return {
    name,
    unit: 'connections',
    summary: `connections that break every rule of HTTP, to the server on ${runtime === 'node' ? 'Node' : 'Bun'}`,
    runs: 5000,
    fuzz,
    async replay(input) {
      const said = await alone(input as SocketInput);
      if (said !== undefined) throw new Broken(said);
    },
  };
}
