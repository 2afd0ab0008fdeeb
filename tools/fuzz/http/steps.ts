/** A run is sequences of steps; each step is a value, so that fast-check can make a sequence that broke something small. */
import fc from 'fast-check';
import { type Mutation, mutations } from './mutations.ts';
import { type Operation, operations } from './operations.ts';

export interface Step {
  /** `main pastes.create`, or what happens by itself: `clock`, `sweep`, `delete`, an `import`. */
  readonly does: string;
  /** Who asks, by number. */
  readonly who: number;
  /** What every choice follows from that a right request leaves. */
  readonly salt: number;
  readonly wrong: readonly Mutation[];
  /** Whether it is under way together with the next one. */
  readonly beside: boolean;
}

/** Who there is; the last two come with sessions that have shown no factor yet. */
export const WHO = [
  'somebody',
  'somebody else',
  'an admin',
  'a newcomer without a second factor',
  'nobody',
  'somebody who comes back',
  'an admin who comes back',
] as const;

/** What derives a password comes less often: cheap as it is in a house for tests, it is the dearest of all. */
const DEAR = /login|password|^auth\.register|accounts\.create|account-create/;
/** What ends sessions, accounts and incidents comes rarely, or nothing would be left to ask for. */
const ENDING =
  /logout|disable|role$|sessions-revoke|recovery-reset|incidents\.close|streams\.fail|deletion\.request|deletion-request|incident-delete|cleanup/;
/** What everything else needs comes often. */
const BASIC =
  /^(incidents|streams|chunks|uploads|pastes|sharing-grants|wrapped-keys|contact-keys)\.(create|put|upload|append|offset)/;

/** What takes two requests of one session in their order, and what all of a private door begins with. */
const CEREMONIES = /^(factors|passkeys|dashboard\.(totp|email|bootstrap))/;

function weightOf({ id }: Operation): number {
  if (ENDING.test(id)) return 1;
  if (DEAR.test(id)) return 4;
  if (BASIC.test(id)) return 60;
  if (CEREMONIES.test(id)) return 40;
  return id.endsWith('.head') ? 4 : 15;
}

/** @param byItself what else can happen: a clock that goes on, work that is done between requests */
export function steps(byItself: readonly string[]): fc.Arbitrary<readonly Step[]> {
  const does = fc.oneof(
    ...operations.map((one) => ({ weight: weightOf(one), arbitrary: fc.constant(`${one.door} ${one.id}`) })),
    ...byItself.map((name) => ({ weight: 8, arbitrary: fc.constant(name) })),
  );
  const who = fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 3, arbitrary: fc.constant(1) },
    { weight: 4, arbitrary: fc.constant(2) },
    { weight: 1, arbitrary: fc.constantFrom(3, 4, 5, 6) },
  );
  const beside = fc.oneof(
    { weight: 9, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.boolean() },
  );
  return fc.array(fc.record({ does, who, salt: fc.nat(), wrong: mutations, beside }), {
    minLength: 1,
    maxLength: 40,
    size: 'max',
  });
}
