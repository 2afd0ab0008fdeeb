/** The one request that may burn a paste. */

import { Failure } from '../shared/failure.ts';
import type { Answer } from '../shared/http.ts';
import type { Access } from './access.ts';
import type { Opener } from './opening.ts';
import { showProgress } from './progress.ts';
import type { Reference } from './reference.ts';
import { call, type PasteInfo } from './server.ts';
import type { Session } from './session.ts';

/** What is known of a paste when it is about to be fetched. */
export interface Fetching {
  readonly reference: Reference;
  readonly paste: PasteInfo;
  readonly access: Access;
  readonly opener: Opener;
}

/** The bytes as the server has them. A burn paste is never asked for twice. */
export async function* fetched(
  session: Session,
  { reference, paste, access }: Fetching,
): AsyncGenerator<Uint8Array> {
  const { world, out } = session;
  // It is gone before anything is printed: what goes to a terminal is held back until here all is done.
  const bar = showProgress(world, !out.quiet && !out.json, 'Fetching', paste.size);
  let answer: Answer | undefined;
  let received = 0;
  try {
    answer = await call(session, reference.base, {
      method: 'GET',
      path: `${reference.id}/raw`,
      headers: access.headers,
      repeatable: !paste.burn,
      streamed: true,
    });
    for await (const piece of answer.body) {
      received += piece.length;
      bar.at(received);
      yield piece;
    }
  } catch (error) {
    throw paste.burn ? burnedAway(error) : error;
  } finally {
    bar.end();
    answer?.close();
  }
}

function burnedAway(error: unknown): unknown {
  if (!(error instanceof Failure) || error.code !== 'connection_broken') return error;
  return new Failure(
    'network',
    error.code,
    'The connection broke while the paste was read. It is one that can be read once, and is probably gone: try again, and otherwise ask for a new one.',
  );
}
