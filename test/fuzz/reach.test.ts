/** Sequences get as far as they are meant to: a fuzzer that is refused at the first step finds nothing behind it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openingOf } from '../../tools/fuzz/http/house-ground.ts';
import { play, Tally } from '../../tools/fuzz/http/play.ts';
import { PROFILES } from '../../tools/fuzz/http/profiles.ts';
import { WHO } from '../../tools/fuzz/http/steps.ts';
import { byCall } from '../../tools/fuzz/http/ways.ts';

const open = openingOf(byCall);
/** Choices follow from it, and some of them are wrong on purpose: as many are tried as it takes. */
const SALTS = [7, 1, 3, 11, 13, 17, 19, 23];

interface Sequence {
  readonly who: (typeof WHO)[number];
  readonly does: readonly string[];
}

/** Plays sequences of requests with nothing wrong in them. @returns those requests that never did what they are for */
async function refused(profile: string, sequences: readonly Sequence[]): Promise<string[]> {
  const ground = await open(
    1,
    PROFILES.findIndex(({ name }) => name === profile),
  );
  try {
    const tally = new Tally();
    for (const { who, does } of sequences)
      for (const salt of SALTS) {
        const steps = does.map((one) => ({
          does: one,
          who: WHO.indexOf(who),
          salt,
          wrong: [],
          beside: false,
        }));
        await play(ground, steps, tally);
        if (!does.some((one) => tally.refused.includes(one))) break;
      }
    return [...tally.refused];
  } finally {
    await ground.close();
  }
}

describe('sequences reach', () => {
  it('the first admin by the bootstrap secret, who sets up a factor and is inside', async () => {
    const who = 'an admin';
    const never = await refused('no admin yet', [
      { who, does: ['admin dashboard.bootstrap'] },
      {
        who,
        does: ['admin dashboard.totp-enroll', 'admin dashboard.totp-confirm', 'admin dashboard.accounts'],
      },
      { who, does: ['admin incidents.unowned', 'main incidents.create'] },
    ]);
    assert.deepEqual(never, []);
  });

  it('passkeys, codes and links that were mailed, and incidents that nobody owns', async () => {
    const who = 'somebody who comes back';
    const never = await refused('everything on', [
      { who, does: ['main passkeys.register-start', 'main passkeys.register-finish'] },
      { who, does: ['main passkeys.verify-start', 'main passkeys.verify-finish'] },
      {
        who: 'a newcomer without a second factor',
        does: ['main factors.email-challenge', 'main factors.email-verify'],
      },
      { who, does: ['main auth.register', 'main auth.email-verify'] },
      { who: 'an admin', does: ['admin incidents.reassign'] },
    ]);
    assert.deepEqual(never, []);
  });
});

describe('whoever fails to log in', () => {
  for (const [how, beside] of [
    ['one after the other', false],
    ['all at once', true],
  ] as const) {
    it(`twelve times, ${how}, is answered twelve times, though the clock stands and the last ones wait for it`, async () => {
      const ground = await open(1, 0);
      try {
        const wrong = { does: 'main auth.login', who: WHO.indexOf('nobody'), salt: 1, wrong: [], beside };
        const tally = new Tally();
        assert.equal(await play(ground, Array(12).fill(wrong), tally), 12);
        assert.equal(tally.notes()[0], 'answers: 401: 12');
        await ground.aftermath();
      } finally {
        await ground.close();
      }
    });
  }
});
