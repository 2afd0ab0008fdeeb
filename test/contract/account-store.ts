/** What every account store and its audit promise, whatever they keep their rows in. */
import { auditing } from './account-audit.ts';
import { changing, recovering } from './account-changing.ts';
import { mailing, stepping } from './account-factors.ts';
import { forgetting, guessing } from './account-guessing.ts';
import { making, registering } from './account-making.ts';
import { showingPasskeys } from './account-passkeys.ts';
import type { AccountIt, AccountsFactory } from './account-room.ts';
import { usingSessions } from './account-session-use.ts';
import { openingSessions } from './account-sessions.ts';
import type { Case } from './room.ts';

const PARTS = [
  making,
  registering,
  changing,
  recovering,
  openingSessions,
  usingSessions,
  mailing,
  stepping,
  showingPasskeys,
  guessing,
  forgetting,
  auditing,
];

/** The cases of the contract, each on stores that `make` makes. */
export function accountContract(make: AccountsFactory): readonly Case[] {
  const cases: Case[] = [];
  const it: AccountIt = (name, body) => cases.push({ name, run: async () => body(await make()) });
  for (const part of PARTS) part(it);
  return cases;
}
