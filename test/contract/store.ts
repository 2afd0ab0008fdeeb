/** What every paste store promises, whatever it keeps its pastes in. */
import { type Case, casesOf, type StoresFactory } from './room.ts';
import { guessing, replacing, sweeping, taking } from './store-change.ts';
import { creating, refusing, replaying } from './store-create.ts';

/** The cases of the contract, each on empty stores that `make` makes. */
export function storeContract(make: StoresFactory): readonly Case[] {
  return casesOf(make, [creating, replaying, refusing, replacing, taking, guessing, sweeping]);
}
