/** Every target, in the order in which a whole run takes them. */
import { runtimes } from '../../test/support/server.ts';
import { openingOf } from './http/house-ground.ts';
import { httpTarget } from './http/target.ts';
import { byCall, bySockets } from './http/ways.ts';
import { answerReaders } from './readers/answers.ts';
import type { Reader } from './readers/reader.ts';
import { requestReaders } from './readers/requests.ts';
import { sealedReaders } from './readers/sealed.ts';
import { settingsReaders } from './readers/settings.ts';
import { readerTarget } from './readers/target.ts';
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

/** Readers of bytes that strangers wrote. */
export const readers: readonly Reader[] = [
  ...sealedReaders,
  ...requestReaders,
  ...settingsReaders,
  ...answerReaders,
];

/** Of every runtime that this machine can start. */
export const sockets: readonly Target[] = runtimes.map(socketTarget);

export const targets: readonly Target[] = [
  handlers,
  handlersOverNode,
  ...sockets,
  ...readers.map((reader) => readerTarget(reader)),
];
