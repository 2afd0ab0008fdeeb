/** What an account does with public keys that it keeps, whoever's they are: those of contacts, and its own. */
import type { LiveSession } from '../store/accounts.ts';
import type { AuditAction } from '../store/audit.ts';
import type { KeyStore } from '../store/sharing.ts';
import type { Store } from '../store/store.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { Fault, type FaultKind } from './faults.ts';
import { type IdPrefix, isId } from './ids.ts';
import { orRefused } from './owned.ts';
import { type Page, pageOf, pagingOf, type RawPaging } from './paging.ts';
import { keyChangeOf, type PublicKeyForm } from './public-keys.ts';

/** One kind of keys: where they are kept, and what things are called there. */
export interface KeyKind<Key> {
  readonly prefix: IdPrefix;
  readonly missing: FaultKind;
  readonly changed: AuditAction;
  readonly ended: AuditAction;
  readonly of: (store: Store) => KeyStore<Key, FaultKind>;
}

/** `missing` and `final` stand for what the kind calls a key that is not there, and one that has ended. */
export interface KeyRecords<Key> {
  /** @throws Fault `missing` for a text that is no id of such a key */
  requireId(id: string): void;
  /**
   * Every version in the order of creation, those that ended too.
   * @throws Fault `invalid_cursor`, `invalid_limit`
   */
  list(deps: Deps, live: LiveSession, raw: RawPaging): Promise<Page<Key>>;
  /** @throws Fault `missing` */
  read(deps: Deps, live: LiveSession, id: string): Promise<Key>;
  /**
   * Changes the label, or whether the key counts as verified.
   * @throws Fault `invalid_display_label`, `invalid_key_state`, `missing`, `final` also for a state that there is no
   *   way back to
   */
  change(
    deps: Deps,
    origin: Origin,
    live: LiveSession,
    id: string,
    form: Pick<PublicKeyForm, 'displayLabel' | 'keyState'>,
  ): Promise<Key>;
  /**
   * Ends a key: nothing that was wrapped for it is given out any more. Again in the same way, it answers the first.
   * @throws Fault `missing`, `final` for one that ended otherwise
   */
  end(deps: Deps, origin: Origin, live: LiveSession, id: string, as: 'revoked' | 'lost'): Promise<Key>;
}

/** What can be done with keys of one kind; errors as in {@link KeyRecords}. */
export function keyRecords<Key extends { readonly id: string }>(kind: KeyKind<Key>): KeyRecords<Key> {
  const requireId = (id: string) => {
    if (!isId(kind.prefix, id)) throw new Fault(kind.missing);
  };
  return {
    requireId,

    list: ({ store }, { account }, raw) =>
      pageOf(pagingOf(raw, kind.prefix), (after, limit) => kind.of(store).list(account.id, after, limit)),

    async read({ store }, { account }, id) {
      requireId(id);
      return orRefused((await kind.of(store).find(account.id, id)) ?? kind.missing);
    },

    async change(deps, origin, { account }, id, form) {
      const change = keyChangeOf(form);
      requireId(id);
      const audit = auditEntry(deps, origin, kind.changed, 'ok', { subjectId: id });
      return orRefused(await kind.of(deps.store).change(account.id, id, change, deps.now(), audit));
    },

    async end(deps, origin, { account }, id, as) {
      requireId(id);
      const audit = auditEntry(deps, origin, kind.ended, 'ok', { subjectId: id });
      return orRefused(await kind.of(deps.store).end(account.id, id, as, deps.now(), audit));
    },
  };
}
