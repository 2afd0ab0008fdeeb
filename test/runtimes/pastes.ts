/**
 * The paste contract, as one suite for every way to reach the main door. Grouped by settings, so that a target
 * which has to start processes starts four.
 */
import { after, before, describe } from 'node:test';
import { type Door, PROXY_SECRET, type Target } from '../support/door.ts';
import { burning } from './pastes/burning.ts';
import { COUNTED, counting } from './pastes/counting.ts';
import { creating } from './pastes/creating.ts';
import { creatingJson } from './pastes/creating-json.ts';
import { describing } from './pastes/describing.ts';
import { identity, noIdentity } from './pastes/identity.ts';
import { limits } from './pastes/limits.ts';
import { managing } from './pastes/managing.ts';
import { options } from './pastes/options.ts';
import { protecting } from './pastes/protecting.ts';
import { reading } from './pastes/reading.ts';
import { repeating } from './pastes/repeating.ts';
import { sealing } from './pastes/sealing.ts';
import { SMALL_STORE, storing } from './pastes/storing.ts';
import { DIFFICULTY, working, workUnasked } from './pastes/working.ts';

/** One group of tests: it asks for its door inside each test, when that is open. */
export type Group = (open: () => Door) => void;

/** Opens a door for a block of tests and closes it after them. */
export function withDoor(
  target: Target,
  env: Readonly<Record<string, string>>,
  groups: readonly Group[],
): void {
  let door: Awaited<ReturnType<Target['open']>> | undefined;
  before(async () => {
    door = await target.open(env);
  });
  after(() => door?.close());
  for (const group of groups) {
    group(() => {
      if (door === undefined) throw new Error('the door is not open yet');
      return door;
    });
  }
}

const UNCOUNTED = { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false' };
/** The second network stands for a proxy before the proxy. */
const BEHIND_PROXY = { SAFE_TRUSTED_PROXIES: '127.0.0.1/32,10.0.0.0/8', SAFE_PROXY_SECRET: PROXY_SECRET };

export function pasteSuite(target: Target): void {
  // The timeout is no claim about speed: it ends a suite in which something never answers.
  describe(`pastes by ${target.name}`, { timeout: 600_000 }, () => {
    describe('with the settings as they come', () => {
      withDoor(target, { ...UNCOUNTED, ...BEHIND_PROXY }, [
        describing,
        creating,
        creatingJson,
        options,
        limits,
        repeating,
        identity,
        reading,
        protecting,
        burning,
        managing,
        workUnasked,
      ]);
    });

    describe('below a prefix, with work and sealing asked for', () => {
      const env = {
        ...UNCOUNTED,
        ...BEHIND_PROXY,
        SAFE_URL_PREFIX: '/paste',
        SAFE_PUBLIC_ORIGIN: 'https://paste.example',
        SAFE_PASTE_POW_DIFFICULTY: String(DIFFICULTY),
        SAFE_PASTE_MIN_ENTROPY: '7.2',
      };
      withDoor(target, env, [working, sealing]);
    });

    describe('with small limits, for holders of a certificate', () => {
      withDoor(target, { SAFE_PROXY_SECRET: PROXY_SECRET, ...COUNTED }, [counting]);
    });

    describe('with a small store and without a proxy', () => {
      withDoor(target, { ...UNCOUNTED, ...SMALL_STORE }, [storing, noIdentity]);
    });
  });
}
