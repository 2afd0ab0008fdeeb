/**
 * A body that can be sent again. Sealing the same content twice under one salt would be a gift to whoever sees
 * both when the file changed in between, and under two salts the retry would be another request; so what was
 * made is kept and sent again as it is, and what was not yet made is made when its turn comes.
 */

import { Failure } from '../shared/failure.ts';
import { Spool } from './spool.ts';

/** More than any server takes by default; beyond it a body can be sent, but only once. */
export const REPLAYABLE_BYTES = 64 * 1024 * 1024;

export class ReplayableBody {
  /** Exact, where it is known in advance. */
  readonly length: number | undefined;
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #spool = new Spool();
  readonly #limit: number;
  #ended = false;
  #beyond = false;
  #pulled = 0;
  /** A pull that a broken attempt began and did not wait for. */
  #pulling: Promise<Uint8Array | undefined> | undefined;

  constructor(source: AsyncIterable<Uint8Array>, length: number | undefined, limit = REPLAYABLE_BYTES) {
    this.#source = source[Symbol.asyncIterator]();
    this.length = length;
    this.#limit = limit;
  }

  /** Bytes taken from the source so far. */
  get pulled(): number {
    return this.#pulled;
  }

  /** The whole body from its beginning. One at a time: an earlier one must not be used any more. */
  async *pieces(): AsyncGenerator<Uint8Array> {
    if (this.#beyond) throw tooLongToRepeat();
    await this.#pulling;
    yield* this.#spool.read();
    for (let piece = await this.#pull(); piece !== undefined; piece = await this.#pull()) yield piece;
  }

  async close(): Promise<void> {
    await this.#spool.close();
    await this.#source.return?.();
  }

  #pull(): Promise<Uint8Array | undefined> {
    this.#pulling = this.#take().finally(() => {
      this.#pulling = undefined;
    });
    return this.#pulling;
  }

  async #take(): Promise<Uint8Array | undefined> {
    if (this.#ended) return undefined;
    const { done, value } = await this.#source.next();
    if (done === true) {
      this.#ended = true;
      return undefined;
    }
    this.#pulled += value.length;
    if (!this.#beyond && this.#spool.length + value.length > this.#limit) {
      this.#beyond = true;
      await this.#spool.close();
    }
    if (!this.#beyond) await this.#spool.append(value);
    return value;
  }
}

function tooLongToRepeat(): Failure {
  return new Failure(
    'network',
    'connection_broken',
    'The connection broke, and what was sent is too long to be kept and sent again. Run the command again.',
  );
}
