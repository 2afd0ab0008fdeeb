/** Bytes on their way to an object store: read when they are taken, and what failed here told from what failed there. */
import type { Bytes } from '../store.ts';

export interface Outgoing {
  readonly stream: ReadableStream<Bytes>;
  /** What went wrong with reading the bytes; undefined while nothing did. The sender throws something else then. */
  failed(): unknown;
}

/** What wants to know when bytes are waited for, which is not the store's silence. */
export interface Waiting {
  rest(): void;
  kick(): void;
}

/** Pieces as a stream that asks for the next one when the one before was taken, and for none ahead. */
export function outgoing(pieces: AsyncGenerator<Bytes, void, void>, waiting?: Waiting): Outgoing {
  let failure: unknown;
  const stream = new ReadableStream<Bytes>(
    {
      async pull(controller) {
        try {
          // The store has taken what it was sent; what follows may take its time to be read.
          waiting?.rest();
          const step = await pieces.next();
          waiting?.kick();
          if (step.done === true) controller.close();
          else controller.enqueue(step.value);
        } catch (thrown) {
          failure = thrown;
          controller.error(thrown);
        }
      },
      async cancel() {
        await pieces.return();
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, failed: () => failure };
}
