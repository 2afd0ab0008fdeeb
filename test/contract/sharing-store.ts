/** What every store of keys, grants and wrapped keys promises, whatever it keeps its rows in. */
import type { Case } from './room.ts';
import { contacting } from './sharing-contact-keys.ts';
import { granting } from './sharing-grants.ts';
import { racing } from './sharing-races.ts';
import { receiving } from './sharing-recipient-keys.ts';
import type { SharingFactory, SharingIt } from './sharing-room.ts';
import { wrapping } from './sharing-wrapped-keys.ts';

const PARTS = [contacting, receiving, granting, wrapping, racing];

/** The cases of the contract, each on stores that `make` makes. */
export function sharingContract(make: SharingFactory): readonly Case[] {
  const cases: Case[] = [];
  const it: SharingIt = (name, body) => cases.push({ name, run: async () => body(await make()) });
  for (const part of PARTS) part(it);
  return cases;
}
