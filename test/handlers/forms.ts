/** Reading forms as the tests of their reader do. */
import { Fault } from '../../src/core/faults.ts';
import { formEvents } from '../../src/handlers/kit/multipart.ts';
import { BOUNDARY, END } from '../support/uploads.ts';

export interface Part {
  readonly name: string;
  readonly filename?: string;
  readonly charset?: string;
  readonly data: string;
}

async function* pieces(body: Uint8Array, sizes: () => number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < body.length; ) {
    const piece = new Uint8Array(body.subarray(at, at + Math.max(1, sizes())));
    at += piece.length;
    yield piece;
  }
}

/** Reads a body that arrives in pieces of these sizes; data as Latin-1. */
export async function read(
  body: Uint8Array | string,
  sizes = () => 65_536,
  boundary = BOUNDARY,
): Promise<Part[]> {
  const found: { name: string; filename?: string; charset?: string; data: string }[] = [];
  for await (const event of formEvents(pieces(Buffer.from(body), sizes), boundary)) {
    if (event.kind === 'part') found.push({ ...event.head, data: '' });
    const last = found.at(-1);
    if (event.kind === 'data' && last) last.data += Buffer.from(event.bytes).toString('latin1');
  }
  return found;
}

/** What a reading comes to, for comparing: the parts, or the code of the refusal. */
export async function outcome(body: Uint8Array | string, sizes?: () => number): Promise<unknown> {
  try {
    return await read(body, sizes);
  } catch (error) {
    if (error instanceof Fault) return error.kind;
    throw error;
  }
}

export const form = (...parts: Buffer[]) => Buffer.concat([...parts, END]);
export const lines = (...text: string[]) => text.join('\r\n');
