/**
 * When sessions were last used. It is written down coarsely and after the answer, so that a request costs no more
 * than the look at its session that it needs anyway.
 */
import type { LiveSession, SessionKind } from '../store/accounts.ts';
import type { Deps } from './deps.ts';

/** A use is noted when the one before was noted at least so long ago, in milliseconds. */
const USE_STEP_MS = 5 * 60_000;

/** When a session of this kind ends if `now` was its last use; undefined where disuse does not end it. */
export function idleAt({ settings }: Pick<Deps, 'settings'>, kind: SessionKind, now: number) {
  const limit = settings.auth.sessionIdleMs[kind];
  return limit > 0 ? now + limit : undefined;
}

/**
 * Notes that a live session is being used, at most once in {@link USE_STEP_MS}. The session may then end up to that
 * much earlier than its last use and the limit would say, and never later.
 */
export function noteUse(deps: Deps, { session }: LiveSession, now: number): void {
  const until = idleAt(deps, session.kind, now);
  const known = (session.idleAt === undefined) === (until === undefined);
  if (known && Math.abs(now - session.lastSeenAt) < USE_STEP_MS) return;
  deps.background('session_use', () =>
    deps.store.accounts.touchSession(session.id, { now, stepMs: USE_STEP_MS, idleAt: until }),
  );
}
