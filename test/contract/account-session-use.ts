/** Sessions as their owner sees them: when they were last used, which there are, and how they end. */
import assert from 'node:assert/strict';
import {
  type AccountIt,
  accountId,
  audit,
  both,
  HOUR,
  hashOf,
  isLive,
  login,
  MINUTE,
  NOW,
  outcomes,
  phcOf,
  sessionId,
  sessionOf,
  someone,
} from './account-room.ts';

const STEP = 5 * MINUTE;

export function usingSessions(it: AccountIt): void {
  it('notes a use when the one before is a step away, in either direction, and else nothing', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    const seen = async () => (await accounts.liveSession(hashOf(1), NOW))?.session.lastSeenAt;
    const use = (now: number) =>
      accounts.touchSession(sessionId(1), { now, stepMs: STEP, idleAt: undefined });
    assert.equal(await seen(), NOW);
    await use(NOW + STEP - 1);
    assert.equal(await seen(), NOW);
    await use(NOW + STEP);
    assert.equal(await seen(), NOW + STEP);
    await use(NOW + 1);
    assert.equal(await seen(), NOW + STEP);
    // A clock that was put back: what lies ahead is no use that anybody remembers.
    await use(NOW);
    assert.equal(await seen(), NOW);
    assert.deepEqual(
      (await outcomes(subject)).filter((row) => !/^(account_create|login) /.test(row)),
      [],
    );
  });

  it('ends a session that is not used in time, and none that is', async (subject) => {
    const { accounts, db } = subject;
    await someone(subject, 1);
    const idle = sessionOf(2, 1, { kind: 'admin_web', idleAt: NOW + HOUR });
    assert.ok(await accounts.openSession(idle, phcOf('password1'), audit('login')));
    assert.equal((await accounts.liveSession(hashOf(2), NOW))?.session.idleAt, NOW + HOUR);
    assert.equal(await isLive(subject, 2, NOW + HOUR - 1), true);
    assert.equal(await isLive(subject, 2, NOW + HOUR), false);
    assert.equal(await isLive(subject, 1, NOW + HOUR), true);
    await accounts.touchSession(sessionId(2), {
      now: NOW + HOUR - 1,
      stepMs: STEP,
      idleAt: NOW + 2 * HOUR - 1,
    });
    assert.equal(await isLive(subject, 2, NOW + HOUR), true);
    assert.equal(await isLive(subject, 2, NOW + 2 * HOUR - 1), false);
    // What disuse ended is neither listed nor counted, and cannot be ended once more.
    const late = NOW + 2 * HOUR;
    assert.deepEqual(
      (await accounts.sessions(accountId(1), late, undefined, 9)).map(({ id }) => id),
      [sessionId(1)],
    );
    assert.equal(await accounts.endSession(accountId(1), sessionId(2), late, audit('session_revoke')), false);
    assert.equal(await accounts.revokeSessions(accountId(1), late, audit('sessions_revoke')), 1);
    const [left] = await db.batch(
      [{ sql: 'SELECT count(*) FROM sessions WHERE revoked_at IS NULL' }],
      'read',
    );
    assert.equal(Number(left?.rows[0]?.[0]), 0);
  });

  it('takes up a limit that is new, and lets go of one that is gone, with the next use', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    const use = (idleAt: number | undefined) =>
      accounts.touchSession(sessionId(1), { now: NOW + 1, stepMs: STEP, idleAt });
    const until = async () => (await accounts.liveSession(hashOf(1), NOW + 1))?.session.idleAt;
    await use(NOW + HOUR);
    assert.equal(await until(), NOW + HOUR);
    await use(NOW + 2 * HOUR);
    assert.equal(await until(), NOW + HOUR);
    await use(undefined);
    assert.equal(await until(), undefined);
  });

  it('takes a session from before this was kept for one that was seen when it began', async (subject) => {
    const { accounts, db } = subject;
    await someone(subject, 1);
    await db.batch([{ sql: 'UPDATE sessions SET last_seen_at = NULL, idle_at = NULL' }], 'write');
    assert.equal((await accounts.liveSession(hashOf(1), NOW))?.session.lastSeenAt, NOW);
    await accounts.touchSession(sessionId(1), { now: NOW + STEP, stepMs: STEP, idleAt: undefined });
    assert.equal((await accounts.liveSession(hashOf(1), NOW))?.session.lastSeenAt, NOW + STEP);
  });

  it('brings no session back by a use', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await accounts.revokeSession(sessionId(1), NOW, audit('logout'));
    await accounts.touchSession(sessionId(1), { now: NOW + STEP, stepMs: STEP, idleAt: undefined });
    assert.equal(await isLive(subject, 1, NOW + STEP), false);
  });

  it('lists the live sessions of one account, the newest first, a page at a time', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await someone(subject, 7);
    for (const n of [2, 3, 4, 5]) await login(subject, n, 1);
    await accounts.revokeSession(sessionId(3), NOW, audit('logout'));
    const page = async (before: string | undefined, limit: number, now = NOW) =>
      (await accounts.sessions(accountId(1), now, before, limit)).map(({ id }) => id);
    assert.deepEqual(await page(undefined, 2), [sessionId(5), sessionId(4)]);
    assert.deepEqual(await page(sessionId(4), 9), [sessionId(2), sessionId(1)]);
    assert.deepEqual(await page(undefined, 9, NOW + 12 * HOUR), []);
    const { tokenHash: _, ...session } = sessionOf(5, 1);
    assert.deepEqual((await accounts.sessions(accountId(1), NOW, undefined, 1))[0], session);
    assert.deepEqual(await accounts.sessions(accountId(9), NOW, undefined, 9), []);
  });

  it('ends one session of the account itself, once, and nobody else’s', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await someone(subject, 2);
    await login(subject, 3, 1);
    const end = (id: string, store = subject.accounts, account = accountId(1)) =>
      store.endSession(account, id, NOW, audit('session_revoke', { subjectId: id }));
    assert.equal(await end(sessionId(2)), false);
    assert.equal(await end(sessionId(8)), false);
    const [here, there] = both(subject);
    const ended = await Promise.all([
      end(sessionId(3), here.accounts),
      end(sessionId(3), there.accounts),
      end(sessionId(3), here.accounts),
    ]);
    assert.equal(ended.filter(Boolean).length, 1);
    assert.deepEqual(await Promise.all([1, 2, 3].map((n) => isLive(subject, n))), [true, true, false]);
    await accounts.setState(accountId(2), 'disabled', NOW, audit('account_disable'));
    assert.equal(await end(sessionId(2), accounts, accountId(2)), false);
    const rows = (await subject.audited()).filter(({ action }) => action === 'session_revoke');
    assert.deepEqual(
      rows.map(({ subjectId, outcome }) => [subjectId, outcome]),
      [[sessionId(3), 'ok']],
    );
  });

  it('ends every session but one, if that one is live and the account’s', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await someone(subject, 5);
    for (const n of [2, 3]) await login(subject, n, 1);
    const others = (keep: string) =>
      accounts.revokeSessions(accountId(1), NOW, audit('sessions_revoke'), keep);
    assert.equal(await others(sessionId(5)), undefined);
    assert.equal(await others(sessionId(8)), undefined);
    assert.equal(await others(sessionId(2)), 2);
    assert.deepEqual(await Promise.all([1, 2, 3, 5].map((n) => isLive(subject, n))), [
      ...[false, true, false],
      true,
    ]);
    assert.equal(await others(sessionId(1)), undefined);
    assert.equal(await others(sessionId(2)), 0);
    const rows = (await outcomes(subject)).filter((row) => row.startsWith('sessions_revoke'));
    assert.deepEqual(rows, ['sessions_revoke ok', 'sessions_revoke ok']);
  });
}
