/**
 * How fast sealing and opening a stream are against WebCrypto's AES-256-GCM alone, in one run.
 *
 *   node bench/seal.ts [MiB per round, default 256] [rounds, default 7]
 *
 * The yardstick is 64 KiB segments through crypto.subtle.encrypt and decrypt, eight under way at once (the faster
 * way to use it), and for comparison one after the other. Rounds alternate, and medians are compared, so that
 * whatever else the machine does falls on all of them alike.
 */

import { newKey, openPaste, SEALED_SEGMENT_BYTES, SEGMENT_BYTES, sealPaste } from '../src/crypto/sealed.ts';

const MiB = 1024 * 1024;
const random = (count: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(count));

/** `bytes` of plaintext in pieces of 64 KiB, as a file or a pipe gives them; the same memory each time. */
function plaintext(bytes: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pattern = random(SEGMENT_BYTES);
  let left = bytes;
  return new ReadableStream(
    {
      pull(controller) {
        if (left === 0) return controller.close();
        const piece = pattern.subarray(0, left);
        left -= piece.length;
        controller.enqueue(piece);
      },
    },
    { highWaterMark: 0 },
  );
}

async function drain(stream: ReadableStream<Uint8Array>): Promise<number> {
  const reader = stream.getReader();
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return total;
    total += value.length;
  }
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array[]> {
  const reader = stream.getReader();
  const pieces: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return pieces;
    pieces.push(value);
  }
}

/** MiB/s of `work` over `bytes` of plaintext. */
async function rate(bytes: number, work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return bytes / MiB / ((performance.now() - start) / 1000);
}

type Operation = (iv: Uint8Array<ArrayBuffer>) => Promise<unknown>;

/** WebCrypto and nothing else: `segments` operations, `depth` under way at once. */
async function alone(segments: number, depth: number, operation: Operation): Promise<void> {
  let started = 0;
  const worker = async (): Promise<void> => {
    while (started < segments) {
      const iv = new Uint8Array(12);
      new DataView(iv.buffer).setUint32(4, started++);
      await operation(iv);
    }
  };
  await Promise.all(Array.from({ length: depth }, worker));
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function speed(bytes: number, rounds: number): Promise<void> {
  const key = newKey(random);
  const aes = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']);
  const segment = random(SEGMENT_BYTES);
  const fixed = new Uint8Array(12);
  const sealedSegment = new Uint8Array(
    await crypto.subtle.encrypt({ name: 'AES-GCM', iv: fixed }, aes, segment),
  );
  if (sealedSegment.length !== SEALED_SEGMENT_BYTES) throw new Error('unexpected segment size');
  const encrypt: Operation = (iv) => crypto.subtle.encrypt({ name: 'AES-GCM', iv }, aes, segment);
  const decrypt: Operation = () => crypto.subtle.decrypt({ name: 'AES-GCM', iv: fixed }, aes, sealedSegment);
  const segments = bytes / SEGMENT_BYTES;
  const file = await collect(await sealPaste(plaintext(bytes), { key, random }));
  const replay = async function* (): AsyncGenerator<Uint8Array> {
    yield* file;
  };

  const contenders: Record<string, () => Promise<unknown>> = {
    'encrypt, 8 at once': () => alone(segments, 8, encrypt),
    'encrypt, 1 at once': () => alone(segments, 1, encrypt),
    seal: async () => drain(await sealPaste(plaintext(bytes), { key, random })),
    'decrypt, 8 at once': () => alone(segments, 8, decrypt),
    'decrypt, 1 at once': () => alone(segments, 1, decrypt),
    open: async () => drain((await openPaste(replay(), { key })).body),
  };
  const rates = new Map<string, number[]>(Object.keys(contenders).map((name) => [name, []]));
  // One round unmeasured, for the compiler and the allocator.
  for (let round = -1; round < rounds; round++) {
    for (const [name, work] of Object.entries(contenders)) {
      const measured = await rate(bytes, work);
      if (round >= 0) rates.get(name)?.push(measured);
    }
  }
  const of = (name: string): number => median(rates.get(name) ?? []);
  console.log(`${rounds} rounds of ${bytes / MiB} MiB, medians in MiB/s`);
  for (const name of rates.keys()) console.log(`  ${name.padEnd(20)} ${of(name).toFixed(0).padStart(6)}`);
  console.log(`seal / encrypt alone: ${(of('seal') / of('encrypt, 8 at once')).toFixed(2)} (goal 0.50)`);
  console.log(`open / decrypt alone: ${(of('open') / of('decrypt, 8 at once')).toFixed(2)} (goal 0.50)`);
}

const [mebibytes, rounds] = process.argv.slice(2);
await speed(Number(mebibytes ?? 256) * MiB, Number(rounds ?? 7));
