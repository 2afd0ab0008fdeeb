/** What every limiter promises, whatever it counts in. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Limiter } from '../../src/core/deps.ts';

export interface LimiterUnderTest {
  readonly limiter: Limiter;
  /** Milliseconds since the epoch, by the clock that the limiter's windows follow. */
  now(): number;
  /** Moves that clock on. */
  pass(ms: number): Promise<void>;
  /** How far the ends of windows may be off, where another machine's clock tells them. */
  readonly slackMs?: number;
  close(): Promise<void>;
}

const MINUTE = 60_000;

/** Declares the suite. `make` gives a limiter with room for at least 100 keys that has counted nothing yet. */
export function limiterContract(name: string, make: () => Promise<LimiterUnderTest>): void {
  const using = (body: (subject: LimiterUnderTest) => Promise<void>) => async (t: TestContext) => {
    const subject = await make();
    t.after(() => subject.close());
    await body(subject);
  };
  const hits = async (subject: LimiterUnderTest, key: string, limit: number, count: number) => {
    const answers: (number | undefined)[] = [];
    for (let i = 0; i < count; i += 1)
      answers.push(await subject.limiter.hit(key, limit, MINUTE, subject.now()));
    return answers;
  };

  describe(`limiter: ${name}`, () => {
    it(
      'lets as many requests through as the limit says, and no more',
      using(async (subject) => {
        const answers = await hits(subject, 'rate:a:1', 3, 5);
        assert.deepEqual(answers.slice(0, 3), [undefined, undefined, undefined]);
        for (const refused of answers.slice(3)) assert.equal(typeof refused, 'number');
      }),
    );

    it(
      'says when the window ends, and lets requests through again from then on',
      using(async (subject) => {
        await hits(subject, 'rate:a:1', 1, 1);
        const [endsAt] = await hits(subject, 'rate:a:1', 1, 1);
        assert.ok(endsAt !== undefined && endsAt > subject.now() && endsAt <= subject.now() + MINUTE);
        await subject.pass(endsAt - subject.now());
        assert.deepEqual(await hits(subject, 'rate:a:1', 1, 1), [undefined]);
      }),
    );

    it(
      'does not prolong the window of a peer that keeps trying',
      using(async (subject) => {
        await hits(subject, 'rate:a:1', 1, 1);
        const [first] = await hits(subject, 'rate:a:1', 1, 1);
        assert.ok(first !== undefined);
        await subject.pass((first - subject.now()) / 2);
        const [second] = await hits(subject, 'rate:a:1', 1, 1);
        assert.ok(second !== undefined && second <= first + (subject.slackMs ?? 0));
      }),
    );

    it(
      'counts each key for itself',
      using(async (subject) => {
        await hits(subject, 'rate:a:1', 1, 2);
        assert.deepEqual(await hits(subject, 'rate:a:2', 1, 1), [undefined]);
        assert.deepEqual(await hits(subject, 'rate:b:1', 1, 1), [undefined]);
      }),
    );

    it(
      'loses no count when requests arrive together',
      using(async (subject) => {
        const now = subject.now();
        const answers = await Promise.all(
          Array.from({ length: 100 }, () => subject.limiter.hit('rate:a:1', 30, MINUTE, now)),
        );
        assert.equal(answers.filter((answer) => answer === undefined).length, 30);
      }),
    );

    it(
      'never refuses where the limit is 0, which means none',
      using(async (subject) => {
        assert.deepEqual(await hits(subject, 'rate:a:1', 0, 3), [undefined, undefined, undefined]);
      }),
    );
  });
}
