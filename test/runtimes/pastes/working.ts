/** Proof of work: who must do it, what counts, and when it is spent. On a door that asks for it below a prefix. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  bytes,
  type CallBody,
  type CallHeaders,
  created,
  type Door,
  holder,
  post,
  put,
  raw,
  refused,
  same,
  somebody,
  token,
  words,
} from '../../support/door.ts';

/** What the door under test must be set to. */
export const DIFFICULTY = 8;

function zeroBits(text: string): number {
  const digits = createHash('sha256').update(text).digest('hex');
  const first = /[^0]/.exec(digits);
  if (first === null) return 256;
  return first.index * 4 + Math.clz32(Number.parseInt(first[0], 16)) - 28;
}

/** The first number that is a solution, or the first that is none. */
function search(challenge: string, wanted: boolean): string {
  for (let n = 0; ; n += 1) {
    if (zeroBits(`${challenge}:${n}`) >= DIFFICULTY === wanted) return String(n);
  }
}

type Work = Readonly<Record<'x-pow-token' | 'x-pow-solution', string>>;

/** Gets a challenge and solves it, as any client would. */
export async function work(door: Door, who: CallHeaders = {}): Promise<Work> {
  const { json } = await door.send({ path: `${door.prefix}/challenge`, headers: who });
  const challenge = String(json.token);
  return { 'x-pow-token': challenge, 'x-pow-solution': search(challenge, true) };
}

export function working(open: () => Door): void {
  const sealed = () => bytes(100);

  describe('proof of work', () => {
    it('is announced, with what it takes', async () => {
      const door = open();
      const { pow } = (await door.send({ path: `${door.prefix}/` })).json;
      assert.deepEqual(pow, {
        required: true,
        difficulty: DIFFICULTY,
        algorithm: 'sha256-leading-zero-bits',
      });
      const { json } = await door.send({ path: `${door.prefix}/challenge` });
      assert.deepEqual(
        [json.required, json.difficulty, json.algorithm],
        [true, DIFFICULTY, 'sha256-leading-zero-bits'],
      );
    });

    it('is asked of the unknown', async () => {
      refused(await post(open(), sealed()), 428, 'pow_required');
    });

    it('lets them create', async () => {
      const body = sealed();
      const paste = await created(open(), body, await work(open()));
      same((await raw(open(), paste.id)).bytes, body);
    });

    it('is asked for before the body', async () => {
      refused(await post(open(), { announced: 1000 }), 428, 'pow_required');
    });

    it('counts once', async () => {
      const done = await work(open());
      await created(open(), sealed(), done);
      refused(await post(open(), sealed(), done), 400, 'pow_invalid');
    });

    it('counts once also when it is sent many times at once', async () => {
      const done = await work(open());
      const answers = await Promise.all(Array.from({ length: 8 }, () => post(open(), sealed(), done)));
      assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 400, 400, 400, 400, 400, 400, 400]);
    });

    it('counts for the peer that got the challenge, whose IPv6 network is one peer', async () => {
      const done = await work(open(), { 'x-forwarded-for': '2001:db8:5:5::1' });
      const stranger = { 'x-forwarded-for': '2001:db8:5:6::1' };
      refused(await post(open(), sealed(), { ...done, ...stranger }), 400, 'pow_invalid');
      await created(open(), sealed(), { ...done, 'x-forwarded-for': '2001:db8:5:5::2' });
    });

    const spoilt: [string, (done: Work) => CallHeaders][] = [
      ['a token without a solution', ({ 'x-pow-token': t }) => ({ 'x-pow-token': t })],
      ['a solution without a token', ({ 'x-pow-solution': s }) => ({ 'x-pow-solution': s })],
      ['an empty token', (done) => ({ ...done, 'x-pow-token': '' })],
      ['an empty solution', (done) => ({ ...done, 'x-pow-solution': '' })],
      ['a wrong solution', (done) => ({ ...done, 'x-pow-solution': search(done['x-pow-token'], false) })],
      ['a solution of 129 characters', (done) => ({ ...done, 'x-pow-solution': '1'.repeat(129) })],
      ['an invented token', (done) => ({ ...done, 'x-pow-token': 'A'.repeat(48) })],
      ['a token with another end', (done) => ({ ...done, 'x-pow-token': `${done['x-pow-token']}A` })],
      [
        'a token of less difficulty',
        ({ 'x-pow-token': t }) => {
          // The second byte of the token says how difficult it is; the signature covers it.
          const easier = Buffer.from(t, 'base64url');
          easier[1] = 0;
          return { 'x-pow-token': easier.toString('base64url'), 'x-pow-solution': '0' };
        },
      ],
      ['two tokens', (done) => ({ ...done, 'x-pow-token': [done['x-pow-token'], done['x-pow-token']] })],
    ];
    for (const [name, spoil] of spoilt) {
      it(`is not ${name}`, async () => {
        refused(await post(open(), sealed(), spoil(await work(open()))), 400, 'pow_invalid');
      });
    }

    const refusals: [string, () => CallBody, CallHeaders, number, string][] = [
      ['is empty', () => '', {}, 400, 'empty_paste'],
      ['is too large', () => ({ announced: 3 * 1024 * 1024 + 1 }), {}, 413, 'paste_too_large'],
      ['is not sealed', () => words(), {}, 422, 'not_sealed'],
      ['has a bad expiry', sealed, { 'x-expiry': 'x' }, 400, 'invalid_expiry'],
      ['is a form', sealed, { 'content-type': 'multipart/form-data' }, 415, 'unsupported_media_type'],
    ];
    for (const [name, body, headers, status, code] of refusals) {
      it(`is not spent by a create that ${name}`, async () => {
        const done = await work(open());
        refused(await post(open(), body(), { ...done, ...headers }), status, code);
        await created(open(), sealed(), done);
      });
    }

    it('is not spent by a create of bytes that were stored too often', async () => {
      const body = sealed();
      for (let i = 0; i < 3; i += 1) await created(open(), body, holder('exempt'));
      const done = await work(open());
      refused(await post(open(), body, done), 429, 'duplicate_content');
      await created(open(), sealed(), done);
    });

    it('need not be done again for a retry under an Idempotency-Key', async () => {
      const body = sealed();
      const headers = { ...(await work(open())), 'idempotency-key': words('key').replaceAll(' ', '-') };
      const first = await post(open(), body, headers);
      const again = await post(open(), body, headers);
      assert.deepEqual([first.status, again.status], [201, 200]);
      assert.equal(again.text, first.text);
      const other = { ...headers, ...(await work(open())) };
      refused(await post(open(), body, other), 409, 'idempotency_conflict');
      await created(open(), body, {
        'x-pow-token': other['x-pow-token'],
        'x-pow-solution': other['x-pow-solution'],
      });
    });

    it('is not asked of holders of a certificate', async () => {
      const door = open();
      const who = { ...holder('exempt'), ...somebody() };
      const { pow } = (await door.send({ path: `${door.prefix}/`, headers: who })).json;
      assert.deepEqual(pow, { required: false, difficulty: 0, algorithm: 'sha256-leading-zero-bits' });
      const { json } = await door.send({ path: `${door.prefix}/challenge`, headers: who });
      assert.equal(json.required, false);
      await created(door, sealed(), who);
      refused(await post(door, sealed(), { ...who, 'x-pow-token': 'half' }), 400, 'pow_invalid');
    });

    it('is not asked for to replace', async () => {
      const paste = await created(open(), sealed(), await work(open()));
      const body = sealed();
      assert.equal((await put(open(), paste.id, body, token(paste))).status, 200);
      same((await raw(open(), paste.id)).bytes, body);
    });
  });
}

/** On a door that asks for none. */
export function workUnasked(open: () => Door): void {
  describe('proof of work that nobody asked for', () => {
    it('is passed over', async () => {
      await created(open(), words(), { 'x-pow-token': 'x', 'x-pow-solution': 'y' });
      await created(open(), words(), await work(open()));
    });

    for (const header of ['x-pow-token', 'x-pow-solution']) {
      it(`is refused when ${header} stands alone`, async () => {
        refused(await post(open(), words(), { [header]: 'x' }), 400, 'pow_invalid');
      });
    }
  });
}
