/**
 * A long random walk by three accounts, an admin, holders of links and strangers, beside a small model of who owns
 * what, who may see it, and which state it is in: the server never answers what the model forbids, and the log is at
 * every look the tree of what happened.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { signerOf } from '../../src/crypto/signed-note.ts';
import { openRemote } from '../../src/store/remote.ts';
import { ownerIn } from '../support/evidence.ts';
import { type House, openHouse } from '../support/house.ts';
import { rounds, seeded } from '../support/seed.ts';
import { hasSqld, startSqld } from '../support/sqld.ts';
import { newWorld } from './model.ts';
import { checkLog } from './model-log.ts';
import { type Play, someRecipients } from './model-play.ts';
import { SHARING_STEPS } from './model-sharing.ts';
import { STEPS, type Step } from './model-steps.ts';
import { READING_STEPS, survey } from './model-survey.ts';

const OPERATIONS = rounds(1000);
const ACCOUNTS = 3;
/** Looks at the whole log during a walk, and incidents that are looked at once more at its end. */
const LOOKS = 4;
const SURVEYED = 4;
const noServer = hasSqld ? false : 'npm has no libSQL server for this platform';

const signer = await signerOf('vault.example/log', new Uint8Array(32).fill(3));
/** Time goes on during a walk, and sessions are not what it is about. */
const SETTINGS = { env: { SAFE_SESSION_TTL: '3650d' }, ports: { signer } };

const ALL: readonly (readonly [number, Step])[] = [...STEPS, ...SHARING_STEPS, ...READING_STEPS];
const WEIGHT = ALL.reduce((sum, [weight]) => sum + weight, 0);

function nextStep({ chance }: Play): Step {
  let at = chance.below(WEIGHT);
  for (const [weight, step] of ALL) {
    if (at < weight) return step;
    at -= weight;
  }
  return assert.fail('the weights do not add up');
}

async function walk(t: TestContext, houses: readonly [House, ...House[]]): Promise<void> {
  const [house] = houses;
  const people = [];
  for (let n = 0; n < ACCOUNTS; n += 1) people.push(await ownerIn(house, `account-${n}`));
  people.push(await ownerIn(house, 'an-admin', 'admin'));
  const play: Play = {
    houses,
    world: newWorld(house.clock.now()),
    chance: seeded(t),
    sessions: people.map(({ as }) => as),
    accountIds: people.map(({ person }) => person.account.id),
    boss: ACCOUNTS,
    recipients: await someRecipients(4),
    trail: [],
    seen: new Map(),
  };
  const every = Math.ceil(OPERATIONS / LOOKS);
  for (let done = 1; done <= OPERATIONS; done += 1) {
    try {
      await nextStep(play)(play);
      if (done % every === 0) await checkLog(house, play.world, signer);
    } catch (error) {
      if (error instanceof Error) error.message = `operation ${done}: ${error.message}`;
      throw error;
    }
  }
  for (const incident of play.world.incidents.slice(-SURVEYED)) await survey(play, incident);
  const entries = await checkLog(house, play.world, signer);
  const { incidents, acknowledged, keys } = play.world;
  const deleted = incidents.filter(({ deletion }) => deletion === 'deleted').length;
  t.diagnostic(
    `${incidents.length} incidents, ${deleted} deleted; ${acknowledged.length} chunks; ${keys.length} keys; ${entries} entries in the log`,
  );
  t.diagnostic(
    [...play.seen]
      .map(([answer, times]) => `${answer} ${times}`)
      .toSorted()
      .join(', '),
  );
  // A walk that got nowhere would agree with any model.
  assert.ok(incidents.length > 10 && acknowledged.length > 40 && keys.length > 5 && play.seen.size > 25);
}

describe(`${OPERATIONS} random operations agree with the model`, () => {
  it('on one house', async (t) => {
    const house = await openHouse({ ...SETTINGS, data: 'file' });
    try {
      await walk(t, [house]);
    } finally {
      await house.close();
    }
  });

  it('on two houses over one libSQL server', { skip: noServer }, async (t) => {
    const sqld = await startSqld();
    const drivers = [openRemote({ url: sqld.url }), openRemote({ url: sqld.url })] as const;
    try {
      const first = await openHouse({ ...SETTINGS, data: drivers[0] });
      const second = await openHouse({ ...SETTINGS, data: drivers[1], clock: first.clock });
      await walk(t, [first, second]);
    } finally {
      for (const driver of drivers) await driver.close();
      await sqld.stop();
    }
  });
});
