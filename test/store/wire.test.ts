import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import fc from 'fast-check';
import type { Answer, Packed, WireBatch } from '../../src/store/native/protocol.ts';
import {
  answerReader,
  answerWriter,
  batchReader,
  batchWriter,
  type Packet,
} from '../../src/store/native/wire.ts';
import { rounds, seeded } from '../support/seed.ts';

/** What arrives in another thread: a clone, and what was moved is gone from here. */
function sent({ values, bytes, moved }: Packet): Packed {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage({ values, bytes }, moved);
  const arrived = receiveMessageOnPort(port2)?.message as Packed;
  port1.close();
  return arrived;
}

const blob = fc.oneof(
  fc.uint8Array({ maxLength: 64 }),
  fc.constantFrom(4095, 4096, 4097, 70_000).map((length) => new Uint8Array(length).fill(length % 251)),
) as fc.Arbitrary<Uint8Array<ArrayBuffer>>;
const value = fc.oneof(
  fc.constant(null),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: 'binary' }),
  blob,
);
const sqlText = fc.constantFrom('SELECT 1', 'SELECT ?', 'INSERT INTO t VALUES (?)', '', 'SELECT true, 17');
const batch: fc.Arbitrary<WireBatch> = fc.record({
  id: fc.nat(),
  mode: fc.constantFrom('read', 'write', 'cut'),
  bytes: fc.nat(),
  statements: fc.array(fc.record({ sql: sqlText, args: fc.array(value, { maxLength: 4 }) }), {
    maxLength: 3,
  }),
});
const rows = (width: number) =>
  fc.array(fc.array(value, { minLength: width, maxLength: width }), { maxLength: 3 });
const result = fc
  .constantFrom([], ['a'], ['a', 'b'], ['b', 'a'])
  .chain((columns) =>
    fc.record({ columns: fc.constant(columns), changes: fc.nat(), rows: rows(columns.length) }),
  );
const answer: fc.Arbitrary<Answer> = fc.record({
  id: fc.nat(),
  outcome: fc.oneof(
    fc.record({ results: fc.array(result, { maxLength: 3 }) }),
    fc.record({
      error: fc.record({
        kind: fc.constantFrom('busy', 'full', 'internal'),
        message: fc.string(),
        code: fc.option(fc.string(), { nil: undefined }),
      }),
    }),
  ),
});

/** What was there before it was sent: large blobs are moved. */
const copied = <T>(what: T): T => structuredClone(what);

test('batches arrive as they were sent, message after message', (t) => {
  const { pack } = batchWriter();
  const unpack = batchReader();
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 4 }), (batches) => {
      const before = copied(batches);
      assert.deepEqual(unpack(sent(pack(batches))), before);
    }),
    { seed: seeded(t).below(2 ** 31), numRuns: rounds(1000) },
  );
});

test('answers arrive as they were sent, message after message', (t) => {
  const pack = answerWriter();
  const unpack = answerReader();
  fc.assert(
    fc.property(fc.array(answer, { maxLength: 4 }), (answers) => {
      const before = copied(answers);
      assert.deepEqual(unpack(sent(pack(answers))), before);
    }),
    { seed: seeded(t).below(2 ** 31), numRuns: rounds(1000) },
  );
});

const asking = (sql: string): WireBatch[] => [
  { id: 1, mode: 'read', bytes: 64, statements: [{ sql, args: [] }] },
];

test('a text of SQL is sent once, and again where its first message never left', () => {
  const { pack, takeBack } = batchWriter();
  const unpack = batchReader();
  pack(asking('SELECT 1'));
  takeBack();
  const first = pack(asking('SELECT 1'));
  assert.ok(first.values.includes('SELECT 1'));
  assert.deepEqual(unpack(sent(first)), asking('SELECT 1'));
  const second = pack(asking('SELECT 1'));
  assert.ok(!second.values.includes('SELECT 1'));
  assert.deepEqual(unpack(sent(second)), asking('SELECT 1'));
});

test('rows that are wider than the names known of them take nothing from what follows', () => {
  const wide = {
    columns: ['a'],
    rows: [
      [1, 2],
      [3, 4],
    ],
    changes: 0,
  };
  const answers: Answer[] = [
    { id: 1, outcome: { results: [wide, { columns: ['b'], rows: [['x']], changes: 0 }] } },
    { id: 2, outcome: { results: [] } },
  ];
  assert.deepEqual(answerReader()(sent(answerWriter()(answers))), answers);
});

test('more texts and column names than are remembered arrive all the same', () => {
  const { pack } = batchWriter();
  const unpack = batchReader();
  const packAnswers = answerWriter();
  const unpackAnswers = answerReader();
  for (let pass = 0; pass < 2; pass += 1)
    for (let i = 0; i < 1100; i += 1) {
      assert.deepEqual(unpack(sent(pack(asking(`SELECT ${i}`)))), asking(`SELECT ${i}`));
      const answers: Answer[] = [
        { id: i, outcome: { results: [{ columns: [`c${i}`], rows: [[i]], changes: 0 }] } },
      ];
      assert.deepEqual(unpackAnswers(sent(packAnswers(answers))), answers);
    }
});
