/** What a client must state about a chunk, what it may, and in which order it is told what is wrong. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { answers, post, type Session } from '../support/ask.ts';
import {
  type ChunkSpec,
  newIncident,
  newStream,
  ownerIn,
  sealedChunk,
  sha256Hex,
} from '../support/evidence.ts';
import { type House, openHouse } from '../support/house.ts';
import {
  END,
  type Fields,
  FORM,
  fieldsFor,
  formOf,
  kept,
  leftovers,
  part,
  put,
  send,
  upload,
} from '../support/uploads.ts';

let house: House;
let as: Session;
let spec: ChunkSpec;
let bytes: Uint8Array<ArrayBuffer>;

before(async () => {
  house = await openHouse();
  ({ as } = await ownerIn(house));
});
after(() => house?.close());

/** A stream of its own for each test that keeps something. */
async function freshPlace(): Promise<void> {
  const incidentId = await newIncident(house, as);
  spec = { incidentId, streamId: await newStream(house, as, incidentId) };
  bytes = await sealedChunk(spec);
}

const path = () => `/v1/incidents/${spec.incidentId}/chunks`;
/** Sends a form made of these parts. */
const sendParts = (...parts: Uint8Array[]) =>
  send(house, path(), { method: 'POST', as, headers: FORM, body: new Uint8Array(Buffer.concat(parts)) });

const BAD: Readonly<Record<string, readonly [code: string, ...values: string[]]>> = {
  chunk_index: [
    'invalid_chunk_index',
    ...[
      '',
      '0',
      '-1',
      '+1',
      '01',
      '1.0',
      '1e3',
      '0x1',
      ' 1',
      '1 ',
      'one',
      '9007199254740992',
      '9'.repeat(400),
      '１',
    ],
  ],
  media_type: ['invalid_media_type', '', 'Audio', 'image', ' audio', 'audio/ogg'],
  started_at: ['invalid_started_at', '', 'now', '2026-01-02', '2026-01-02T03:04:60Z', '2026-02-30T00:00:00Z'],
  ended_at: ['invalid_ended_at', '', '1767323055', '2026-01-02T03:04:05', '2026-01-02T03:04:05.1234567890Z'],
  sha256_hex: ['invalid_sha256_hex', '', 'A'.repeat(64), 'a'.repeat(63), 'a'.repeat(65), 'g'.repeat(64)],
};

describe('a form', () => {
  before(freshPlace);

  for (const [name, [code, ...values]] of Object.entries(BAD)) {
    it(`with a bad ${name} is ${code}`, async () => {
      for (const value of values)
        answers(await upload(house, as, spec, { bytes, fields: { [name]: value } }), 400, code);
    });
  }

  it('whose end is before its start is invalid_time_range, to the nanosecond and over offsets', async () => {
    const times = (started_at: string, ended_at: string) => ({ bytes, fields: { started_at, ended_at } });
    for (const [started, ended] of [
      ['2026-01-02T03:04:05.000000002Z', '2026-01-02T03:04:05.000000001Z'],
      ['2026-01-02T03:04:05Z', '2026-01-02T04:04:05+01:30'],
    ] as const)
      answers(await upload(house, as, spec, times(started, ended)), 400, 'invalid_time_range');
  });

  for (const name of ['stream_id', 'chunk_index', 'media_type', 'started_at', 'ended_at', 'sha256_hex']) {
    it(`without ${name} is invalid_field`, async () => {
      answers(await upload(house, as, spec, { bytes, fields: { [name]: undefined } }), 400, 'invalid_field');
    });

    it(`with ${name} twice is invalid_field, also when both are the same`, async () => {
      const fields = fieldsFor(spec, bytes);
      const again = part(`name="${name}"`, fields[name] ?? '');
      const body = Buffer.concat([again, formOf(fields, bytes)]);
      answers(await sendParts(body), 400, 'invalid_field');
    });

    it(`with a ${name} of more than 64 KiB is invalid_field`, async () => {
      const fields = { [name]: 'x'.repeat(64 * 1024 + 1) };
      answers(await upload(house, as, spec, { bytes, fields }), 400, 'invalid_field');
    });
  }

  it('with a field that nobody knows is invalid_field, and its name is not repeated', async () => {
    const answer = answers(
      await upload(house, as, spec, { bytes, fields: { secretive: 'x' } }),
      400,
      'invalid_field',
    );
    assert.ok(!answer.text.includes('secretive'));
  });

  it('of ten thousand parts is refused at the first that is one too many', async () => {
    const many = Buffer.concat(Array.from({ length: 10_000 }, () => part('name="stream_id"', 'x')));
    answers(await sendParts(many, END), 400, 'invalid_field');
  });

  it('with a field that is not UTF-8 is invalid_field', async () => {
    const fields = fieldsFor(spec, bytes, { media_type: undefined });
    const latin = part('name="media_type"', Buffer.from('audi\xf6', 'latin1'));
    answers(await sendParts(latin, formOf(fields, bytes)), 400, 'invalid_field');
    const utf16 = part('name="media_type"', 'audio', 'Content-Type: text/plain; charset=utf-16');
    answers(await sendParts(utf16, formOf(fields, bytes)), 400, 'invalid_field');
  });

  it('without a file is missing_file, with two it is duplicate_file', async () => {
    answers(await sendParts(formOf(fieldsFor(spec, bytes), undefined)), 400, 'missing_file');
    answers(await sendParts(END), 400, 'missing_file');
    const file = part('name="file"; filename="a"', bytes);
    answers(await sendParts(file, formOf(fieldsFor(spec, bytes), bytes)), 400, 'duplicate_file');
  });

  it('with an empty file is no sealed chunk', async () => {
    answers(await upload(house, as, spec, { bytes: new Uint8Array(0) }), 400, 'not_sealed');
  });

  it('whose bytes have another SHA-256 is hash_mismatch', async () => {
    answers(
      await upload(house, as, spec, { bytes, fields: { sha256_hex: 'a'.repeat(64) } }),
      400,
      'hash_mismatch',
    );
  });

  it('that is refused leaves nothing, however large it was', async () => {
    const large = await sealedChunk({ ...spec, media: new Uint8Array(3_000_000) });
    const before = await leftovers(house);
    for (const fields of [
      { chunk_index: '0' },
      { sha256_hex: 'a'.repeat(64) },
      { stream_id: 'str_00000000000000000000000000' },
      { chunk_index: '2' },
      { ended_at: undefined },
    ])
      assert.equal((await upload(house, as, spec, { bytes: large, fields })).status >= 400, true);
    assert.deepEqual(await leftovers(house), before);
  });
});

describe('the refusals', () => {
  it('come in the one order, each as soon as nothing before it is wrong', async () => {
    await freshPlace();
    const other = await newStream(house, as, spec.incidentId, { media_type: 'video' });
    const done = await newStream(house, as, spec.incidentId);
    answers(await post(house, `/v1/incidents/${spec.incidentId}/streams/${done}/fail`, as), 200);
    const junk = new Uint8Array(100).fill(1);
    const wrong = {
      stream_id: 'str_nothing',
      chunk_index: '0',
      media_type: 'image',
      started_at: 'x',
      ended_at: 'y',
      sha256_hex: 'z',
    };
    const steps: readonly (readonly [string, Fields])[] = [
      ['400 invalid_idempotency_key', {}],
      ['400 invalid_chunk_index', { chunk_index: '1' }],
      ['400 invalid_media_type', { media_type: 'audio' }],
      ['400 invalid_started_at', { started_at: '2026-01-02T03:04:05Z' }],
      ['400 invalid_ended_at', { ended_at: '2026-01-02T03:04:04Z' }],
      ['400 invalid_time_range', { ended_at: '2026-01-02T03:04:05Z' }],
      ['400 invalid_sha256_hex', { sha256_hex: 'a'.repeat(64) }],
      ['400 hash_mismatch', { sha256_hex: sha256Hex(junk) }],
      ['404 stream_not_found', { stream_id: done }],
      ['409 stream_not_open', { stream_id: other }],
      ['400 stream_media_type_mismatch', { stream_id: spec.streamId }],
    ];
    let fields: Fields = wrong;
    let key: string | undefined = 'not one word';
    for (const [expected, mended] of steps) {
      const answer = await upload(house, as, spec, { bytes: junk, fields, ...(key && { key }) });
      assert.equal(`${answer.status} ${answer.code}`, expected);
      key = undefined;
      fields = { ...fields, ...mended };
    }
    answers(await upload(house, as, spec, { bytes: junk }), 400, 'not_sealed');
    const elsewhere = await sealedChunk({ ...spec, index: 2 });
    answers(await upload(house, as, spec, { bytes: elsewhere, key: 'k' }), 400, 'sealed_context_mismatch');
  });

  it('of a retry key are these, and say what one is', async () => {
    await freshPlace();
    for (const key of ['', ' ', 'a b', 'ä', 'x'.repeat(256), 'one, two', '\t']) {
      const answer = await upload(house, as, spec, { bytes, key });
      answers(answer, 400, 'invalid_idempotency_key');
      assert.match(answer.body.error.message, /1 to 255 visible ASCII/);
      answers(await put(house, as, spec, { bytes, key }), 400, 'invalid_idempotency_key');
    }
    kept(await upload(house, as, spec, { bytes, key: '!'.repeat(255) }));
  });
});

describe('the file name', () => {
  for (const [given, filename, expected] of [
    ['rec.opus', 'other', 'rec.opus'],
    ['  /sdcard/DCIM/a b.mp4 ', 'other', 'a b.mp4'],
    ['C:\\media\\rec.opus', 'other', 'rec.opus'],
    ['..', 'fallback.opus', 'fallback.opus'],
    ['.', '../up/x.opus', 'x.opus'],
    ['/', 'x', 'x'],
    ['dir/', 'x', 'x'],
    ['   ', 'x', 'x'],
    [undefined, 'part.opus', 'part.opus'],
    [undefined, '', undefined],
    [undefined, '..', undefined],
    ['a\0b\u0007c\u0085\r\nd', 'x', 'abcd'],
    ['...', 'x', '...'],
    ['é漢🎙', 'x', 'é漢🎙'],
    ['é'.repeat(127), 'x', 'é'.repeat(127)],
  ] as const) {
    it(`${JSON.stringify(given)?.slice(0, 40)} with a part of ${JSON.stringify(filename)} is ${JSON.stringify(expected)?.slice(0, 40)}`, async () => {
      await freshPlace();
      const fields = { original_filename: given };
      const chunk = kept(await upload(house, as, spec, { bytes, fields, filename }));
      assert.equal(chunk.original_filename, expected);
    });
  }

  it('has at most 255 bytes, wherever it stands', async () => {
    await freshPlace();
    const long = 'é'.repeat(128);
    answers(
      await upload(house, as, spec, { bytes, fields: { original_filename: long } }),
      400,
      'invalid_field',
    );
    answers(await upload(house, as, spec, { bytes, filename: long }), 400, 'invalid_field');
  });
});
