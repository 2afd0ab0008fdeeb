/** Lists for the operator, a page at a time. */
import type { Account } from '../store/accounts.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { isId } from './ids.ts';
import { limitOf, PAGE_LENGTHS } from './paging.ts';

/** Rows of a page where nobody says how many. */
export const LISTED = PAGE_LENGTHS.usual;

export interface AccountPage {
  readonly accounts: readonly Account[];
  /** What to ask for next; absent on the last page. */
  readonly cursor?: string;
}

/** Accounts in the order in which they were made. @throws Fault `invalid_cursor`, `invalid_limit` */
export async function listAccounts(
  deps: Deps,
  cursor: string | null,
  wanted: string | null,
): Promise<AccountPage> {
  if (cursor !== null && !isId('acct', cursor)) throw new Fault('invalid_cursor');
  const limit = limitOf(wanted);
  const accounts = await deps.store.accounts.list(cursor ?? undefined, limit);
  const last = accounts.at(-1);
  return accounts.length === limit && last !== undefined ? { accounts, cursor: last.id } : { accounts };
}
