/** A recording of two streams, as bundles: one of a stream and of the time before the other, two of the incident. */
import { receiptFor, tendLog } from '../../../src/core/log.ts';
import { sealChunk } from '../../../src/crypto/sealed.ts';
import { signerOf, verifierKey } from '../../../src/crypto/signed-note.ts';
import { chanceOf } from '../chance.ts';

export interface Bundles {
  /** As they were downloaded. */
  readonly whole: readonly Uint8Array[];
  /** Their entries, in order. */
  readonly entries: readonly ReadonlyMap<string, Uint8Array>[];
  /** The one that is there before the others. */
  readonly first: Uint8Array;
  /** What was uploaded. */
  readonly chunks: readonly { readonly stream: string; readonly bytes: Uint8Array }[];
  /** What uploads were answered with: one JSON string a line. */
  readonly receipts: Uint8Array;
  readonly key: string;
  /** The signed checkpoint of the first. */
  readonly checkpoint: string;
}

const KEY = new Uint8Array(32).fill(9);

/** Loaded only where bundles are looked at: it is a whole server. */
export async function bundlesOf(): Promise<Bundles> {
  const { answers, post } = await import('../../../test/support/ask.ts');
  const evidence = await import('../../../test/support/evidence.ts');
  const recordings = await import('../../../test/support/recordings.ts');
  const { openHouse } = await import('../../../test/support/house.ts');
  const signer = await signerOf('vault.example/log', new Uint8Array(32).fill(3));
  const chance = chanceOf(1);
  const house = await openHouse({ ports: { signer, random: (length) => chance.bytes(length) } });
  try {
    const owner = await evidence.ownerIn(house);
    const incident = await evidence.newIncident(house, owner.as, { client_label: 'a label' });
    const uploaded: { stream: string; bytes: Uint8Array }[] = [];
    /** A stream whose every byte is the same each time. */
    async function record(mediaType: 'audio' | 'video', count: number): Promise<string> {
      const fields = { media_type: mediaType, label: 'front door' };
      const streamId = await evidence.newStream(house, owner.as, incident, fields);
      for (let index = 1; index <= count; index += 1) {
        const context = {
          ...{ kind: 'chunk' as const, incident_id: incident, stream_id: streamId, media_type: mediaType },
          ...{ chunk_index: index, final: index === count },
        };
        const random = (length: number) => chance.bytes(length);
        const sealed = await sealChunk(new Uint8Array(30).fill(index), { key: KEY, context, random });
        const bytes = new Uint8Array(await new Response(sealed).arrayBuffer());
        const place = { incidentId: incident, streamId, mediaType };
        await recordings.putChunk(house, owner.as, place, index, bytes);
        uploaded.push({ stream: streamId, bytes });
      }
      const path = `/v1/incidents/${incident}/streams/${streamId}/complete`;
      answers(await post(house, path, owner.as, { expected_chunk_count: count }), 200);
      return streamId;
    }
    const take = async (path: string) => (await recordings.download(house, path, owner.as)).bytes;
    const whole: Uint8Array[] = [];
    const early = await record('audio', 3);
    // Without a checkpoint, and with one.
    whole.push(await take(recordings.streamBundlePath({ incidentId: incident, streamId: early })));
    house.clock.advance(1000);
    await tendLog({ ...house.deps, signer });
    const first = await take(recordings.incidentBundlePath(incident));
    const late = await record('video', 2);
    house.clock.advance(1000);
    await tendLog({ ...house.deps, signer });
    whole.push(first, await take(recordings.incidentBundlePath(incident)));
    const kept = [early, late].map((stream) => house.deps.store.chunks.page(stream, 0, 10));
    const chunks = (await Promise.all(kept)).flat();
    const receipts = await Promise.all(chunks.map((chunk) => receiptFor({ signer }, chunk)));
    const entries = whole.map(recordings.entriesOf);
    return {
      whole,
      entries,
      first,
      chunks: uploaded,
      receipts: new TextEncoder().encode(receipts.map((one) => `${JSON.stringify(one)}\n`).join('')),
      key: verifierKey(signer),
      checkpoint: new TextDecoder().decode(entries[1]?.get('custody/checkpoint')),
    };
  } finally {
    await house.close();
  }
}
