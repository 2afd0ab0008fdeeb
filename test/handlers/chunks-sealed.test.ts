/** Only sealed bytes come in, and only where they were sealed for. Real media, as a recorder writes it, does not. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { sealPaste } from '../../src/crypto/sealed.ts';
import { SEALED_MAGIC, writeSealedHeader } from '../../src/crypto/sealed-header.ts';
import { answers, type Session } from '../support/ask.ts';
import { type ChunkSpec, newIncident, newStream, ownerIn, sealedChunk } from '../support/evidence.ts';
import { type House, openHouse } from '../support/house.ts';
import { kept, leftovers, put, upload } from '../support/uploads.ts';

let house: House;
let as: Session;
let spec: ChunkSpec;

before(async () => {
  house = await openHouse();
  ({ as } = await ownerIn(house));
  const incidentId = await newIncident(house, as);
  spec = { incidentId, streamId: await newStream(house, as, incidentId) };
});
after(() => house?.close());

/** Sends bytes in both forms, and expects the same refusal. */
async function refused(bytes: Uint8Array, code: string, place: ChunkSpec = spec): Promise<void> {
  answers(await upload(house, as, place, { bytes }), 400, code);
  answers(await put(house, as, place, { bytes }), 400, code);
}

const concat = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

describe('a chunk sealed for', () => {
  const other = 'str_00000000000000000000000000';
  for (const [what, change] of [
    ['another index', { index: 2 }],
    ['another stream', { streamId: other }],
    ['another incident', { incidentId: 'inc_00000000000000000000000000' }],
    ['another media type', { mediaType: 'video' }],
  ] as const) {
    it(`${what} is sealed_context_mismatch`, async () => {
      await refused(await sealedChunk({ ...spec, ...change }), 'sealed_context_mismatch');
    });
  }

  it('its place comes in, whether it is the last one or not', async () => {
    for (const [index, final] of [
      [1, false],
      [2, true],
    ] as const) {
      const place = { ...spec, index, final };
      kept(await upload(house, as, place));
    }
  });

  it('a sealed paste is sealed_context_mismatch, and one with a password is not_sealed', async () => {
    const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
    const key = random(32);
    const seal = async (password?: string) => {
      const options = { key, random, ...(password !== undefined && { password }) };
      return concat(
        new Uint8Array(await new Response(await sealPaste(new Uint8Array(10), options)).arrayBuffer()),
      );
    };
    await refused(await seal(), 'sealed_context_mismatch');
    const locked = writeSealedHeader({
      salt: random(16),
      kdf: { id: 'argon2id' },
      context: { kind: 'paste' },
    });
    await refused(concat(locked, random(32 + 300)), 'not_sealed');
  });
});

describe('bytes that are', () => {
  const place = () => ({ ...spec, index: 9 });
  const header = (change: (text: string) => string = (text) => text): Uint8Array => {
    const { incidentId, streamId } = spec;
    const text = change(
      `{"salt":"${'A'.repeat(22)}","kdf":{"id":"none"},"context":{"kind":"chunk","incident_id":"${incidentId}",` +
        `"stream_id":"${streamId}","media_type":"audio","chunk_index":9,"final":false}}`,
    );
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return concat(Buffer.from(SEALED_MAGIC), length, bytes);
  };
  const rest = new Uint8Array(32 + 16).fill(9);

  for (const [what, change] of [
    ['a header without final', (text: string) => text.replace(',"final":false', '')],
    ['a final that is text', (text: string) => text.replace('"final":false', '"final":"false"')],
    ['a password', (text: string) => text.replace('none', 'argon2id')],
    ['a name twice', (text: string) => text.replace('"final"', '"chunk_index":9,"final"')],
    ['a name too many', (text: string) => text.replace('"final"', '"x":1,"final"')],
    ['an index as text', (text: string) => text.replace(':9,', ':"9",')],
    ['an index with a point', (text: string) => text.replace(':9,', ':9.0,')],
    ['an index that is no integer', (text: string) => text.replace(':9,', ':9.5,')],
    ['a media type that is no text', (text: string) => text.replace('"audio"', '1')],
    ['an incident that is null', (text: string) => text.replace(/"inc_\w+"/, 'null')],
    ['a short salt', (text: string) => text.replace('AA"', '"')],
    ['another JSON', () => '[]'],
    ['no JSON', () => 'sealed'],
  ] as const) {
    it(`a sealed header with ${what} are not_sealed`, async () => {
      assert.notEqual(change('"final":false,"chunk_index":9,"audio","none","AA",:9,'), undefined);
      await refused(concat(header(change), rest), 'not_sealed', place());
    });
  }

  for (const [what, change] of [
    ['no index', (text: string) => text.replace(':9,', ':0,')],
    ['no media type', (text: string) => text.replace('audio', 'image')],
    ['no incident', (text: string) => text.replace(/inc_\w+/, 'inc_other')],
    ['an incident without a name', (text: string) => text.replace(/inc_\w+/, '')],
    ['its incident in small letters', (text: string) => text.replace(/inc_\w+/, (id) => id.toLowerCase())],
    ['no stream', (text: string) => text.replace(/str_\w+/, 'str_wrong')],
  ] as const) {
    it(`sealed for what is ${what} is sealed_context_mismatch`, async () => {
      await refused(concat(header(change), rest), 'sealed_context_mismatch', place());
    });
  }

  for (const [what, cut] of [
    ['nothing', 0],
    ['a part of the magic', 10],
    ['the magic alone', SEALED_MAGIC.length],
    ['a length without a header', SEALED_MAGIC.length + 4],
    ['half a header', 60],
  ] as const) {
    it(`cut off after ${what} are not_sealed`, () => refused(header().slice(0, cut), 'not_sealed', place()));
  }

  it('a header with too little after it are not_sealed, and with just enough they come in', async () => {
    for (const length of [0, 31, 32, 47])
      await refused(concat(header(), rest.subarray(0, length)), 'not_sealed', place());
    kept(await upload(house, as, place(), { bytes: concat(header(), rest) }));
  });

  it('a header of the greatest length come in, one byte more does not', async () => {
    const padded = (length: number) =>
      concat(
        header((text) => text + ' '.repeat(length - text.length)),
        rest,
      );
    const at = (index: number) => ({ ...spec, index });
    await refused(padded(4097), 'not_sealed', at(9));
    const bytes = padded(4096);
    answers(await put(house, as, at(10), { bytes }), 400, 'sealed_context_mismatch');
  });

  it('a sealed chunk after something else are not_sealed', async () => {
    const sealed = await sealedChunk({ ...spec, index: 9 });
    await refused(concat(new Uint8Array(1), sealed), 'not_sealed', place());
    await refused(concat(Buffer.from('\ufeff'), sealed), 'not_sealed', place());
  });

  it('random are not_sealed, however many', async () => {
    for (const size of [1, 22, 23, 4167, 1_100_000])
      await refused(crypto.getRandomValues(new Uint8Array(Math.min(size, 65_536))), 'not_sealed', place());
    await refused(new Uint8Array(1_100_000), 'not_sealed', place());
  });
});

const FFMPEG = '/usr/bin/ffmpeg';
const SOURCES = {
  'video.mp4': ['-f', 'lavfi', '-i', 'testsrc=duration=1:size=160x120:rate=10', '-pix_fmt', 'yuv420p'],
  'video.webm': ['-f', 'lavfi', '-i', 'testsrc=duration=1:size=160x120:rate=10', '-c:v', 'libvpx'],
  'voice.opus': ['-f', 'lavfi', '-i', 'sine=frequency=440:duration=1', '-c:a', 'libopus'],
  'photo.jpg': ['-f', 'lavfi', '-i', 'testsrc=duration=1:size=320x240:rate=1', '-frames:v', '1'],
} as const;

describe('real media', { skip: existsSync(FFMPEG) ? false : 'needs ffmpeg to make it' }, () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-media-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  for (const [name, source] of Object.entries(SOURCES)) {
    it(`such as ${name} is not_sealed, and nothing of it stays`, async () => {
      const file = join(folder, name);
      await promisify(execFile)(FFMPEG, ['-v', 'error', ...source, file]);
      const bytes = new Uint8Array(await readFile(file));
      assert.ok(bytes.length > 1000);
      const before = await leftovers(house);
      await refused(bytes, 'not_sealed', { ...spec, index: 9 });
      assert.deepEqual(await leftovers(house), before);
    });
  }
});
