/** What every paste store promises about replacing, taking, removing, guessing and sweeping. */
import assert from 'node:assert/strict';
import {
  allOf,
  bytesOf,
  create,
  HOUR,
  hashOf,
  type It,
  MINUTE,
  NOW,
  refOf,
  replacement,
  stage,
  tally,
  together,
} from './room.ts';

export function replacing(it: It): void {
  it('a replacement keeps every option that it does not name', async ({ store: { pastes } }) => {
    const kept = { burn: true, access: { kind: 'proof', sha256: hashOf(5) }, owner: 'sha1:x' } as const;
    await create(pastes, 1, kept);
    const outcome = await pastes.replace(replacement(1));
    assert.equal(outcome.kind, 'replaced');
    const found = await pastes.find(refOf(1), NOW);
    assert.deepEqual(outcome.kind === 'replaced' && outcome.paste, found);
    assert.deepEqual(found, {
      ref: refOf(1),
      size: 20,
      mimeType: 'text/plain',
      sealed: false,
      deleteTokenHash: hashOf(1),
      createdAt: NOW,
      expiresAt: NOW + HOUR,
      revision: 2,
      ...kept,
    });
    assert.deepEqual((await pastes.claim(refOf(1), 2, NOW, NOW + HOUR))?.body, bytesOf(20, 101));
    assert.equal((await pastes.totals()).createdEver, 1);
  });

  it('a replacement changes every option that it names', async ({ store: { pastes } }) => {
    await create(pastes, 1, { burn: true, access: { kind: 'proof', sha256: hashOf(5) } });
    const access = { kind: 'password', phc: '$argon2id$sample' } as const;
    await pastes.replace(replacement(1, { burn: false, access, expiresAt: NOW + 2 * HOUR }));
    const found = await pastes.find(refOf(1), NOW + HOUR);
    assert.deepEqual(
      [found?.burn, found?.access, found?.expiresAt, found?.createdAt],
      [false, access, NOW + 2 * HOUR, NOW],
    );
  });

  it('large bytes that are replaced are let go of, and a sweep erases them', async (subject) => {
    const { pastes } = subject.store;
    await create(pastes, 1, { pending: await stage(subject, 'pst_old', [100, 100]) });
    const pending = await stage(subject, 'pst_new', [50]);
    assert.equal((await pastes.replace(replacement(1, { pending }))).kind, 'replaced');
    assert.deepEqual(await subject.loose(), { segments: 2, names: 1 });
    assert.equal(await subject.blobs.sweep(NOW, 10), 1);
    assert.deepEqual(await subject.loose(), { segments: 0, names: 0 });
    assert.deepEqual(await subject.blobs.read('pst_new', 0), bytesOf(50, 1));
    assert.equal((await pastes.replace(replacement(1, { revision: 2 }))).kind, 'replaced');
    await subject.blobs.sweep(NOW, 10);
    assert.equal(await subject.blobs.read('pst_new', 0), undefined);
    assert.equal((await pastes.totals()).bytes, 20);
  });

  it('what has changed, expired or gone since it was looked at is stale and stays as it is', async (subject) => {
    const { pastes } = subject.store;
    await create(pastes, 1);
    const before = await pastes.find(refOf(1), NOW);
    const pending = await stage(subject, 'pst_new', [50]);
    for (const wish of [{ revision: 2 }, { revision: 0 }, { now: NOW + HOUR }, { ref: refOf(2) }])
      assert.deepEqual(await pastes.replace(replacement(1, { pending, ...wish })), { kind: 'stale' });
    assert.deepEqual(await pastes.find(refOf(1), NOW), before);
    assert.deepEqual(await subject.loose(), { segments: 1, names: 1 });
  });

  it('of many replacements of one revision at once, one happens', async (subject) => {
    const stores = await allOf(subject);
    await create(subject.store.pastes, 1);
    const outcomes = await together(stores, 24, ({ store }, i) =>
      store.pastes.replace(
        replacement(1, { pending: { kind: 'inline', bytes: new Uint8Array(20).fill(i) } }),
      ),
    );
    assert.deepEqual(tally(outcomes), { replaced: 1, stale: 23 });
    const winner = outcomes.findIndex(({ kind }) => kind === 'replaced');
    assert.deepEqual((await subject.store.pastes.look(refOf(1), NOW))?.body, new Uint8Array(20).fill(winner));
  });

  it('refuses what is lost, too often the same, or over the quota, and changes nothing then', async ({
    store: { pastes },
  }) => {
    const dedup = { contentHash: hashOf(4), max: 1, windowMs: HOUR };
    await create(pastes, 1, {}, { dedup });
    const gone = { kind: 'staged', blob: 'pst_gone', size: 5 } as const;
    assert.deepEqual(await pastes.replace(replacement(1, { pending: gone })), { kind: 'lost' });
    assert.deepEqual(await pastes.replace(replacement(1, { dedup })), {
      kind: 'duplicate',
      freeAt: NOW + HOUR,
    });
    assert.deepEqual(await pastes.replace(replacement(1, { quotaBytes: 19 })), { kind: 'quota' });
    assert.equal((await pastes.find(refOf(1), NOW))?.revision, 1);
    assert.deepEqual((await pastes.look(refOf(1), NOW))?.body, bytesOf(10, 1));
  });

  it('a replacement frees the room of what it replaces, and counts as no create', async ({
    store: { pastes },
  }) => {
    const dedup = { contentHash: hashOf(4), max: 1, windowMs: HOUR };
    await create(pastes, 1);
    assert.equal((await pastes.replace(replacement(1, { quotaBytes: 20, dedup }))).kind, 'replaced');
    assert.equal((await create(pastes, 2, {}, { dedup })).kind, 'created');
  });
}

export function taking(it: It): void {
  it('a burn paste is given to one claim of many, over every driver, and is gone', async (subject) => {
    const stores = await allOf(subject);
    for (let round = 1; round <= 10; round += 1) {
      await create(subject.store.pastes, round, { burn: true });
      const claims = await together(stores, 32, ({ store }) =>
        store.pastes.claim(refOf(round), 1, NOW, NOW + HOUR),
      );
      const won = claims.filter((claim) => claim !== undefined);
      assert.equal(won.length, 1);
      assert.deepEqual(won[0]?.body, bytesOf(10, round));
      assert.equal(await subject.store.pastes.find(refOf(round), NOW), undefined);
    }
    assert.deepEqual(await subject.store.pastes.totals(), { count: 0, bytes: 0, createdEver: 10 });
  });

  it('only a burn paste can be claimed, and only at the revision that was looked at', async ({
    store: { pastes },
  }) => {
    await create(pastes, 1);
    await create(pastes, 2, { burn: true });
    assert.equal(await pastes.claim(refOf(1), 1, NOW, NOW + HOUR), undefined);
    assert.equal(await pastes.claim(refOf(2), 2, NOW, NOW + HOUR), undefined);
    assert.equal((await pastes.totals()).count, 2);
  });

  it('no verb but the claim gives the bytes of a burn paste, or those of a protected one unasked', async ({
    store: { pastes },
  }) => {
    await create(pastes, 1, { burn: true });
    await create(pastes, 2, { access: { kind: 'proof', sha256: hashOf(5) } });
    await create(pastes, 3);
    assert.equal(await pastes.open(refOf(1), 1, NOW), undefined);
    assert.equal((await pastes.look(refOf(1), NOW))?.body, undefined);
    assert.equal((await pastes.look(refOf(2), NOW))?.body, undefined);
    assert.equal(await pastes.open(refOf(2), 2, NOW), undefined);
    assert.deepEqual((await pastes.open(refOf(2), 1, NOW))?.body, bytesOf(10, 2));
    assert.deepEqual((await pastes.look(refOf(3), NOW))?.body, bytesOf(10, 3));
  });

  it('claimed bytes are taken once, segment by segment, and what is left is swept when its time is over', async (subject) => {
    const stores = await allOf(subject);
    const { pastes } = subject.store;
    const pending = await stage(subject, 'pst_a', [100, 100, 100]);
    await create(pastes, 1, { burn: true, pending });
    const claimed = await pastes.claim(refOf(1), 1, NOW, NOW + MINUTE);
    assert.equal(claimed?.paste.blob, 'pst_a');
    const takes = await together(stores, 8, ({ blobs }) => blobs.take('pst_a', 0));
    assert.equal(takes.filter((bytes) => bytes !== undefined).length, 1);
    assert.equal(await subject.blobs.sweep(NOW + MINUTE - 1, 10), 0);
    assert.deepEqual(await subject.blobs.take('pst_a', 1), bytesOf(100, 2));
    assert.equal(await subject.blobs.sweep(NOW + MINUTE, 10), 1);
    assert.equal(await subject.blobs.take('pst_a', 2), undefined);
    assert.deepEqual(await subject.loose(), { segments: 0, names: 0 });
  });

  it('a paste is removed by one of many, and its large bytes are left to a sweep', async (subject) => {
    const stores = await allOf(subject);
    const { pastes } = subject.store;
    await create(pastes, 1, { pending: await stage(subject, 'pst_a', [100]) });
    const removed = await together(stores, 16, ({ store }) => store.pastes.remove(refOf(1), NOW));
    assert.equal(removed.filter(Boolean).length, 1);
    assert.deepEqual(await pastes.totals(), { count: 0, bytes: 0, createdEver: 1 });
    assert.equal(await subject.blobs.sweep(NOW, 10), 1);
    assert.deepEqual(await subject.loose(), { segments: 0, names: 0 });
  });

  it('claim, removal and replacement at once: exactly one has the paste', async (subject) => {
    const stores = await allOf(subject);
    for (let round = 1; round <= 10; round += 1) {
      await create(subject.store.pastes, round, { burn: true });
      const had = await together(stores, 18, async ({ store: { pastes } }, i) => {
        if (i % 3 === 0) return (await pastes.claim(refOf(round), 1, NOW, NOW + HOUR)) && 'claimed';
        if (i % 3 === 1) return (await pastes.remove(refOf(round), NOW)) && 'removed';
        return (await pastes.replace(replacement(round))).kind === 'replaced' && 'replaced';
      });
      const won = had.filter(Boolean);
      // A removal does not ask for a revision: it may follow a replacement.
      if (won.length === 2) assert.deepEqual(won.toSorted(), ['removed', 'replaced']);
      else assert.equal(won.length, 1);
    }
  });
}

export function guessing(it: It): void {
  const limits = { perPeer: 10, overall: 25, windowMs: 24 * HOUR, lockMs: 15 * MINUTE };

  it('ten wrong passwords shut out their peer, and nobody else, for a quarter of an hour', async (subject) => {
    const { pastes } = subject.store;
    const stores = await allOf(subject);
    await create(pastes, 1);
    await together(stores, 9, ({ store }) => store.pastes.recordWrongGuess(refOf(1), 'one', NOW, limits));
    assert.deepEqual(await pastes.guesses(refOf(1), 'one', NOW), {});
    await pastes.recordWrongGuess(refOf(1), 'one', NOW + 1, limits);
    const lockedUntil = NOW + 1 + limits.lockMs;
    assert.deepEqual(await pastes.guesses(refOf(1), 'one', NOW + 1), { lockedUntil });
    assert.deepEqual(await pastes.guesses(refOf(1), 'two', NOW + 1), {});
    assert.deepEqual(await pastes.guesses(refOf(2), 'one', NOW + 1), {});
    assert.deepEqual(await pastes.guesses(refOf(1), 'one', lockedUntil), {});
    await pastes.recordWrongGuess(refOf(1), 'one', lockedUntil, limits);
    assert.deepEqual(await pastes.guesses(refOf(1), 'one', lockedUntil), {}, 'the count begins anew');
  });

  it('many wrong passwords of many peers shut out everybody, and the paste stays', async ({
    store: { pastes },
  }) => {
    await create(pastes, 1);
    for (let i = 0; i < 25; i += 1) await pastes.recordWrongGuess(refOf(1), `peer ${i}`, NOW, limits);
    assert.deepEqual(await pastes.guesses(refOf(1), 'a peer that never tried', NOW), {
      lockedUntil: NOW + limits.lockMs,
    });
    assert.ok(await pastes.find(refOf(1), NOW));
  });

  it('wrong passwords that lie further apart than the window do not add up', async ({
    store: { pastes },
  }) => {
    await create(pastes, 1, { expiresAt: NOW + 99 * HOUR });
    for (let i = 0; i < 9; i += 1) await pastes.recordWrongGuess(refOf(1), 'one', NOW, limits);
    const nextDay = NOW + limits.windowMs;
    await pastes.recordWrongGuess(refOf(1), 'one', nextDay, limits);
    assert.deepEqual(await pastes.guesses(refOf(1), 'one', nextDay), {});
  });

  it('guesses are forgotten with their paste, and none are kept for what is not there', async ({
    store: { pastes },
  }) => {
    for (let i = 0; i < 10; i += 1) await pastes.recordWrongGuess(refOf(1), 'one', NOW, limits);
    await create(pastes, 1);
    assert.deepEqual(await pastes.guesses(refOf(1), 'one', NOW), {});
    for (let i = 0; i < 10; i += 1) await pastes.recordWrongGuess(refOf(1), 'one', NOW, limits);
    await pastes.remove(refOf(1), NOW);
    await create(pastes, 1);
    assert.deepEqual(await pastes.guesses(refOf(1), 'one', NOW), {});
  });
}

export function sweeping(it: It): void {
  it('a sweep removes what has expired, the oldest first, at most so many at a time', async ({
    store: { pastes },
  }) => {
    for (let n = 1; n <= 7; n += 1) await create(pastes, n, { expiresAt: NOW + n });
    await create(pastes, 8);
    const late = NOW + 7;
    assert.deepEqual(await pastes.sweep(late, 3), { removed: 3, bytes: 30, done: false });
    assert.equal((await pastes.totals()).count, 5);
    assert.deepEqual(await pastes.sweep(late, 3), { removed: 3, bytes: 30, done: false });
    assert.deepEqual(await pastes.sweep(late, 3), { removed: 1, bytes: 10, done: true });
    assert.deepEqual(await pastes.sweep(late, 3), { removed: 0, bytes: 0, done: true });
    assert.ok(await pastes.find(refOf(8), late));
    assert.deepEqual(await pastes.totals(), { count: 1, bytes: 10, createdEver: 8 });
  });

  it('a sweep of pastes with much in their rows stops before it holds everybody else up', async ({
    store: { pastes },
  }) => {
    const MIB = 1024 * 1024;
    for (let n = 1; n <= 24; n += 1)
      await create(pastes, n, { pending: { kind: 'inline', bytes: bytesOf(MIB, n) }, expiresAt: NOW + n });
    let removed = 0;
    for (let calls = 1, done = false; !done; calls += 1) {
      const swept = await pastes.sweep(NOW + 24, 500);
      assert.ok(swept.removed > 0 && swept.bytes <= 16 * MIB, `${swept.bytes} bytes in one commit`);
      assert.ok(calls <= 24);
      removed += swept.removed;
      done = swept.done;
    }
    assert.equal(removed, 24);
  });

  it('what is remembered of creates is swept when it has expired, and not before', async ({
    store: { pastes },
  }) => {
    const key = (n: number, expiresAt: number) => ({
      replay: { keyHash: hashOf(n), fingerprint: hashOf(n), nonce: refOf(n), expiresAt },
      work: { tokenHash: hashOf(n), expiresAt, onlyReplay: false },
    });
    await create(pastes, 1, {}, key(1, NOW + 1));
    await create(pastes, 2, {}, key(2, NOW + 2));
    assert.equal((await pastes.sweep(NOW + 1, 5)).done, true);
    // Asked as of before the sweep: what is still there would answer.
    assert.equal(await pastes.knowsReplay(hashOf(1), NOW), false);
    assert.equal(await pastes.knowsReplay(hashOf(2), NOW), true);
    assert.equal((await create(pastes, 3, {}, { work: key(2, NOW + 2).work })).kind, 'work_spent');
    assert.equal((await create(pastes, 4, {}, { work: key(1, NOW + 2).work })).kind, 'created');
  });

  it('an expired paste leaves its large bytes to the sweep of blobs', async (subject) => {
    const { pastes } = subject.store;
    await create(pastes, 1, { pending: await stage(subject, 'pst_a', [100, 100]) });
    assert.deepEqual(await pastes.sweep(NOW + HOUR, 5), { removed: 1, bytes: 200, done: true });
    assert.equal(await subject.blobs.sweep(NOW + HOUR, 5), 1);
    assert.deepEqual(await subject.loose(), { segments: 0, names: 0 });
  });

  it('sweeps at once remove each paste once', async (subject) => {
    const stores = await allOf(subject);
    for (let n = 1; n <= 20; n += 1) await create(subject.store.pastes, n, { expiresAt: NOW + 1 });
    const swept = await together(stores, 8, ({ store }) => store.pastes.sweep(NOW + 1, 5));
    assert.equal(
      swept.reduce((sum, { removed }) => sum + removed, 0),
      20,
    );
    assert.deepEqual(await subject.store.pastes.totals(), { count: 0, bytes: 0, createdEver: 20 });
  });
}
