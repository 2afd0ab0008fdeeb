/** One random walk: the houses that are asked, the world as it should be, and chance that can be repeated. */
import assert from 'node:assert/strict';
import { type Answer, type Ask, ask, type Session } from '../support/ask.ts';
import type { House } from '../support/house.ts';
import type { Seeded } from '../support/seed.ts';
import { ageKeys, wrappedFor } from '../support/sharing.ts';
import type { ModelIncident, Who, World } from './model.ts';

export interface Play {
  /** Doors to one database; each request goes to one of them by chance. */
  readonly houses: readonly House[];
  readonly world: World;
  readonly chance: Seeded;
  /** Sessions of the accounts by number; the last one is the admin's. */
  readonly sessions: readonly Session[];
  readonly accountIds: readonly string[];
  /** The admin's number. */
  readonly boss: number;
  /** Recipients, each with a file that was wrapped for it: making one for every step would be most of the time. */
  readonly recipients: readonly { readonly recipient: string; readonly wrapped: string }[];
  /** What was done last, for whoever looks into a failure. */
  readonly trail: string[];
  /** How often each status and code was answered. */
  readonly seen: Map<string, number>;
}

const REMEMBERED = 25;

/** Recipients for a walk. */
export async function someRecipients(count: number): Promise<Play['recipients']> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const { recipient } = await ageKeys();
      return { recipient, wrapped: await wrappedFor([recipient]) };
    }),
  );
}

/** One of several by chance. */
export function oneOf<T>({ chance }: Play, several: readonly T[]): T {
  assert.ok(several.length > 0, 'there is nothing to choose from');
  return several[chance.below(several.length)] as T;
}

/** One of several by chance, or undefined where there is none. */
export const someOf = <T>(play: Play, several: readonly T[]): T | undefined =>
  several.length === 0 ? undefined : oneOf(play, several);

/** True `percent` times in a hundred. */
export const perhaps = ({ chance }: Play, percent: number): boolean => chance.below(100) < percent;

export const houseOf = (play: Play): House => oneOf(play, play.houses);

/** Everybody who can ask. */
export const everybody = ({ sessions }: Play): readonly Who[] => [...sessions.keys(), 'nobody'];

/** Mostly whose it is, else anybody. */
export function askerFor(play: Play, { owner }: ModelIncident): Who {
  return owner !== undefined && perhaps(play, 75) ? owner : oneOf(play, everybody(play));
}

/** Mostly one that something still happens in; undefined before there is any. */
export function anIncident(play: Play): ModelIncident | undefined {
  const { incidents } = play.world;
  const living = incidents.filter(({ deletion }) => deletion !== 'deleted').slice(-5);
  return perhaps(play, 90) ? (someOf(play, living) ?? someOf(play, incidents)) : someOf(play, incidents);
}

/** A stream of an incident by chance, sometimes of another one. */
export function aStream(play: Play, incident: ModelIncident) {
  const elsewhere = anIncident(play);
  return perhaps(play, 92) || elsewhere === undefined
    ? someOf(play, incident.streams)
    : someOf(play, elsewhere.streams);
}

export const sessionOf = ({ sessions }: Play, who: Who): Session | undefined =>
  who === 'nobody' ? undefined : sessions[who];

/** Status and code as one text. */
export const told = ({ status, code }: Pick<Answer, 'status' | 'code'>): string =>
  code === undefined ? String(status) : `${status} ${code}`;

/** Holds an answer against what the model says. */
export function agrees(play: Play, what: string, answered: string, expected: string): void {
  if (/^\d{3}\b/.test(answered)) play.seen.set(answered, (play.seen.get(answered) ?? 0) + 1);
  play.trail.push(`${what}: ${answered}`);
  if (play.trail.length > REMEMBERED) play.trail.shift();
  if (answered !== expected)
    assert.fail(`${what}: answered ${answered}, the model says ${expected}\n${play.trail.join('\n')}`);
}

/** Asks as somebody, and holds status and code against what the model says. */
export async function expecting(
  play: Play,
  who: Who,
  path: string,
  expected: string,
  asked: Omit<Ask, 'as'> = {},
): Promise<Answer> {
  const as = sessionOf(play, who);
  const answer = await ask(houseOf(play), path, { ...asked, ...(as !== undefined && { as }) });
  const method = asked.method ?? (asked.body === undefined ? 'GET' : 'POST');
  agrees(play, `${who} ${method} ${path} ${JSON.stringify(asked.body ?? '')}`, told(answer), expected);
  return answer;
}

/** As {@link expecting}, with a body. */
export const posting = (play: Play, who: Who, path: string, expected: string, body: object = {}) =>
  expecting(play, who, path, expected, { method: 'POST', body });

/** Holds a list against what the model has, whatever its order. */
export function sameList(
  play: Play,
  what: string,
  found: readonly string[],
  expected: readonly string[],
): void {
  agrees(play, what, found.toSorted().join(' '), expected.toSorted().join(' '));
}
