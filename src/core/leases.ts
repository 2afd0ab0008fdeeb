/**
 * Work that only one process of a deployment should do at a time. The lease is kept from round to round, so that the
 * same process goes on; when that process is gone, another one takes over after the lease has ended.
 *
 * A lease is no lock: a process that stalls for longer than it may still be at work when the next one begins. What is
 * done under a lease must be safe without it.
 */
import type { LeaseStore } from '../store/coordination.ts';
import type { Deps } from './deps.ts';

/** A round of work that ends early once `stop` says so. */
export type Round = (stop: () => boolean) => Promise<unknown>;

export interface LeasedWork {
  /** Does a round if the lease can be had, else nothing. `stop` also ends it once the lease was lost. */
  readonly round: Round;
  /** Lets another process take over at once. */
  release(): Promise<void>;
}

export interface LeaseWish {
  readonly name: string;
  /** 32 hex digits that no other process has. */
  readonly owner: string;
  /** When it ends by itself. Longer than the pause between rounds: else they go to whoever comes first. */
  readonly ttlMs: number;
}

/**
 * Puts work under a lease. While a round goes on the lease is renewed every third of its time; where that fails, for
 * whatever reason, the round is told to end.
 */
export function leased(
  deps: Pick<Deps, 'now' | 'after'> & { readonly store: { readonly leases: LeaseStore } },
  { name, owner, ttlMs }: LeaseWish,
  work: Round,
): LeasedWork {
  const { leases } = deps.store;
  let endsAt = 0;
  const take = async () => {
    const now = deps.now();
    const taken = await leases.take(name, owner, now, ttlMs);
    endsAt = taken ? now + ttlMs : 0;
    return taken;
  };
  // Not asked for again while most of it is left, so that frequent rounds are not as many writes.
  const have = async () => endsAt - deps.now() > (2 * ttlMs) / 3 || take();
  return {
    async round(stop) {
      if (stop() || !(await have())) return;
      let lost = false;
      let over = false;
      let renewal = Promise.resolve();
      let cancel = () => {};
      const renewLater = () => {
        cancel = deps.after(ttlMs / 3, () => {
          renewal = take()
            .then(
              (kept) => kept,
              () => false,
            )
            .then((kept) => {
              lost ||= !kept;
              if (!over && !lost) renewLater();
            });
        });
      };
      renewLater();
      try {
        await work(() => lost || stop());
      } finally {
        over = true;
        cancel();
        await renewal;
      }
    },
    release() {
      endsAt = 0;
      return leases.release(name, owner);
    },
  };
}
