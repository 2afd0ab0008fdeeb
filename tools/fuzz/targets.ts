/** Every target, in the order in which a whole run takes them. */
import { hasWorkerd } from '../../test/support/edge.ts';
import { runtimes } from '../../test/support/server.ts';
import { onObjectStore, onServers } from './http/footings.ts';
import { openingOf } from './http/house-ground.ts';
import { byProcess, byWorker, shared } from './http/processes.ts';
import { httpTarget } from './http/target.ts';
import { byCall, bySockets } from './http/ways.ts';
import { readers } from './readers/all.ts';
import { ReaderThread } from './readers/watched.ts';
import { socketTarget } from './sockets/target.ts';
import type { Target } from './target.ts';

/** What happens between requests. */
const byItself = ['clock', 'sweep', 'delete', 'log', 'import'];

/** The first of all: what a stranger can do by asking. */
export const handlers = httpTarget({
  name: 'handlers',
  summary: 'requests built from the OpenAPI documents, given to the handlers of both doors',
  runs: 20_000,
  open: openingOf(byCall),
  byItself,
});

/** The same, and what stands between: the adapter, headers as lines, bodies as pieces, connections that are kept. */
export const handlersOverNode = httpTarget({
  name: 'handlers-node',
  summary: 'the same requests, sent to the handlers through the sockets of a listener on Node',
  runs: 5000,
  open: openingOf(bySockets),
  byItself,
});

/** The same requests, where a libSQL server stores, and a Redis server counts and leases. */
const handlersOnServers = httpTarget({
  name: 'handlers-sqld',
  summary:
    'the same requests, with all that is stored on a libSQL server and limits and leases on a Redis server',
  runs: 5000,
  open: openingOf(byCall, onServers),
  byItself,
});

/** The same requests, where chunks lie in an object store. */
const handlersOnObjects = httpTarget({
  name: 'handlers-s3',
  summary: 'the same requests, with chunks on an S3 server',
  runs: 5000,
  open: openingOf(byCall, onObjectStore),
  byItself,
});

const NAMES = { node: 'Node', bun: 'Bun' } as const;

/** The same requests, to the real server; a house beside it has the same data. */
const processes = runtimes.map((runtime) =>
  httpTarget({
    name: `server-${runtime}`,
    summary: `the same requests, to the server on ${NAMES[runtime]} in a process of its own`,
    runs: 2500,
    open: openingOf(byProcess(runtime), shared),
    byItself: ['sweep', 'delete', 'import'],
  }),
);

/** The same at the edge. */
const worker = httpTarget({
  name: 'server-workerd',
  summary: 'the same requests, to the main door on workerd',
  runs: 2500,
  open: openingOf(byWorker, shared),
  byItself: ['sweep', 'delete', 'import', 'mail'],
});

/** Where others than this process store, count and serve. */
export const elsewhere: readonly Target[] = [
  handlersOnServers,
  handlersOnObjects,
  ...processes,
  ...(hasWorkerd ? [worker] : []),
];

/** Of every runtime that this machine can start. */
export const sockets: readonly Target[] = runtimes.map(socketTarget);

const watched = new ReaderThread(new URL('./readers/all.ts', import.meta.url));

export const targets: readonly Target[] = [
  handlers,
  handlersOverNode,
  ...elsewhere,
  ...sockets,
  ...readers.map((reader) => watched.target(reader)),
];
