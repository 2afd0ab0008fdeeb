/** Ending a stream on the server, from the machine that recorded it or from another. */

import { Failure } from '../../shared/failure.ts';
import type { Login } from './login.ts';
import { membersOf, objectIn, refusalIn } from './service.ts';

/**
 * Completes a stream of exactly `count` chunks. One that was completed before, with the same count, is as good: the
 * answer to an earlier attempt may have been lost.
 */
export async function completeStream(
  login: Login,
  incidentId: string,
  streamId: string,
  count: number,
): Promise<Readonly<Record<string, unknown>>> {
  const path = `v1/incidents/${incidentId}/streams/${streamId}`;
  const reply = await login.asked({
    method: 'POST',
    path: `${path}/complete`,
    json: { expected_chunk_count: count },
  });
  if (reply.code !== 'stream_already_complete') return membersOf(objectIn(reply).stream);
  const stream = membersOf(objectIn(await login.asked({ method: 'GET', path })).stream);
  if (stream.expected_chunk_count === count) return stream;
  throw refusalIn(reply);
}

/** Marks a stream as failed. Throws refusals of the server. */
export async function failStream(
  login: Login,
  incidentId: string,
  streamId: string,
  reason: string | undefined,
): Promise<Readonly<Record<string, unknown>>> {
  const path = `v1/incidents/${incidentId}/streams/${streamId}/fail`;
  const json = reason === undefined ? {} : { failure_reason: reason };
  return membersOf(objectIn(await login.asked({ method: 'POST', path, json })).stream);
}

/** A chunk as the server lists it. */
export interface ListedChunk {
  readonly streamId: string;
  readonly index: number;
  readonly mediaType: string;
  readonly sha256: string;
  readonly byteSize: number;
}

const PAGE = 1000;

/** The chunks of an incident that belong to streams, page by page, in the order of their arrival. */
export async function* listChunks(login: Login, incidentId: string): AsyncGenerator<ListedChunk> {
  let after = '';
  for (;;) {
    const path = `v1/incidents/${incidentId}/chunks?limit=${PAGE}${after}`;
    const reply = await login.asked({ method: 'GET', path });
    if (reply.status !== 200 || !Array.isArray(reply.json)) throw refusalIn(reply);
    const page = reply.json.map(membersOf);
    for (const chunk of page) {
      const { stream_id: streamId, chunk_index: index, media_type: mediaType, sha256_hex, byte_size } = chunk;
      if (
        typeof streamId === 'string' &&
        typeof index === 'number' &&
        typeof mediaType === 'string' &&
        typeof sha256_hex === 'string' &&
        typeof byte_size === 'number'
      ) {
        yield { streamId, index, mediaType, sha256: sha256_hex, byteSize: byte_size };
      }
    }
    const last = page.at(-1)?.id;
    if (page.length < PAGE) return;
    if (typeof last !== 'string' || !/^chk_[0-9A-Z]{26}$/.test(last) || after === `&after=${last}`) {
      throw new Failure('refused', 'not_sallyport', 'The list of chunks makes no sense. Check --server.');
    }
    after = `&after=${last}`;
  }
}
