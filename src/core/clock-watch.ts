/**
 * Whether the wall clock may be trusted with what cannot be undone. A clock that leaps ahead, by a wrong time server or
 * a hand that slipped, makes everything expire at once: whoever asks is refused meanwhile, which ends when the clock is
 * right again, but what was swept is gone. So nothing is, for an hour; by then somebody has seen the line in the log.
 */
import type { Deps } from './deps.ts';

/** A clock may drift, be slewed, or be corrected by so much. */
const LEAP_MS = 10 * 60_000;
/** How long a leap must last until it is believed. */
const BELIEVED_AFTER_MS = 60 * 60_000;

const WHAT_TO_DO =
  'The clock of this machine was set ahead. Nothing that has expired is removed for an hour; if the new time is wrong, set it right before that.';

/**
 * Where the clock that nobody sets stands still while a machine sleeps, it looks afterwards as if the other had leapt.
 * @returns what tells, each time before something is removed because of its age, whether that may be done
 */
export function clockWatch(deps: Pick<Deps, 'now' | 'elapsed' | 'log'>): () => boolean {
  const { elapsed } = deps;
  let believed = deps.now() - elapsed();
  let leapt: { readonly to: number; readonly at: number } | undefined;
  return () => {
    const offset = deps.now() - elapsed();
    // Back is harmless: less has expired.
    if (offset - believed <= LEAP_MS) {
      believed = offset;
      leapt = undefined;
      return true;
    }
    if (leapt === undefined || Math.abs(offset - leapt.to) > LEAP_MS) {
      leapt = { to: offset, at: elapsed() };
      const seconds = Math.round((offset - believed) / 1000);
      deps.log.write('error', 'the clock leapt', { leapt_seconds: seconds, what_to_do: WHAT_TO_DO });
    }
    if (elapsed() - leapt.at < BELIEVED_AFTER_MS) return false;
    believed = offset;
    leapt = undefined;
    return true;
  };
}
