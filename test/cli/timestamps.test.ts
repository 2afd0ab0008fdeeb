/** Timestamps of checkpoints: whose are believed, and of what. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { readTimestamp } from '../../cli/sallyport/evidence/timestamp.ts';
import { type TokenMaker, type TokenWish, tokenMaker } from '../support/timestamp-tokens.ts';

const CHECKPOINT = new Uint8Array(Buffer.from('a checkpoint'));
const time = new Date('2026-01-02T03:04:05Z');
const TLS_SERVER = '1.3.6.1.5.5.7.3.1';
const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';

describe('a timestamp', () => {
  let maker: TokenMaker;
  before(async () => {
    maker = await tokenMaker();
  });
  const read = async (wish: Partial<TokenWish>, authorities: string | undefined = maker.authorities) =>
    readTimestamp(await maker.stamp(CHECKPOINT, { time, ...wish }), CHECKPOINT, authorities);

  it('is believed from a certificate for timestamps that leads to one that is trusted', async () => {
    assert.deepEqual(await read({}), { time: time.getTime(), trusted: true });
    const der = await maker.stamp(CHECKPOINT, { time });
    assert.deepEqual(await readTimestamp(der, CHECKPOINT, undefined), {
      time: time.getTime(),
      trusted: false,
    });
  });

  it('is not believed from a certificate of the same authority that is for something else', async () => {
    for (const wish of [
      { purposes: [TLS_SERVER] },
      { purposes: [TIME_STAMPING, TLS_SERVER] },
      { purposes: [] },
      { critical: false },
    ]) {
      const { trusted, problem } = await read(wish);
      assert.equal(trusted, false, JSON.stringify(wish));
      assert.match(problem ?? '', /not for timestamps/);
    }
  });

  it('is none where something else than a timestamp was signed', async () => {
    const { trusted, problem } = await read({ contentType: '1.2.840.113549.1.7.1' });
    assert.equal(trusted, false);
    assert.match(problem ?? '', /malformed/);
  });

  it('is none where its time is none, or after the year 9999', async () => {
    for (const timeText of ['2026010203.9e11Z', '2026010203.9e9Z', 'xx'])
      assert.match((await read({ timeText })).problem ?? '', /malformed/, timeText);
    const known = new Date('2026-01-02T03:04:05.250Z').getTime();
    assert.deepEqual(await read({ timeText: '20260102030405.25Z' }), { time: known, trusted: true });
  });

  it('is not believed from whoever leads to another authority', async () => {
    const { trusted, problem } = await read({}, (await tokenMaker()).authorities);
    assert.equal(trusted, false);
    assert.match(problem ?? '', /does not lead/);
  });
});
