/** What every paste store promises about creating. */
import assert from 'node:assert/strict';
import type { NewPaste, PasteReplay } from '../../src/store/store.ts';
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
  stage,
  tally,
  together,
} from './room.ts';

const replay = (fingerprint = 1, nonce = 1): PasteReplay => ({
  keyHash: hashOf(77),
  fingerprint: hashOf(fingerprint),
  nonce: refOf(nonce),
  expiresAt: NOW + 24 * HOUR,
});

export function creating(it: It): void {
  it('a created paste is found as it was given, and its bytes are read back', async ({
    store: { pastes },
  }) => {
    const given = {
      mimeType: 'text/plain',
      sealed: true,
      access: { kind: 'proof', sha256: hashOf(5) },
      owner: 'f'.repeat(64),
    } satisfies Partial<NewPaste>;
    assert.deepEqual(
      await create(pastes, 1, { pending: { kind: 'inline', bytes: bytesOf(300) }, ...given }),
      {
        kind: 'created',
      },
    );
    assert.deepEqual(await pastes.find(refOf(1), NOW), {
      ref: refOf(1),
      size: 300,
      burn: false,
      deleteTokenHash: hashOf(1),
      createdAt: NOW,
      expiresAt: NOW + HOUR,
      revision: 1,
      ...given,
    });
    const opened = await pastes.open(refOf(1), 1, NOW);
    assert.deepEqual(opened?.body, bytesOf(300));
    assert.deepEqual(await pastes.totals(), { count: 1, bytes: 300, createdEver: 1 });
  });

  it('staged bytes become a paste with the commit, segment by segment', async (subject) => {
    const { pastes } = subject.store;
    const pending = await stage(subject, 'pst_a', [1000, 1000, 7]);
    assert.equal((await create(pastes, 1, { pending })).kind, 'created');
    const opened = await pastes.look(refOf(1), NOW);
    assert.equal(opened?.body, undefined);
    assert.equal(opened?.paste.blob, 'pst_a');
    assert.equal(opened?.paste.size, 2007);
    assert.deepEqual(await subject.blobs.read('pst_a', 2), bytesOf(7, 3));
    assert.equal(await subject.blobs.read('pst_a', 3), undefined);
    assert.deepEqual(await subject.loose(), { segments: 0, names: 0 });
  });

  it('staged bytes that were swept before the commit are lost, and nothing is made', async (subject) => {
    const { pastes } = subject.store;
    const pending = await stage(subject, 'pst_a', [10]);
    await subject.blobs.discard('pst_a');
    assert.deepEqual(await create(pastes, 1, { pending }), { kind: 'lost' });
    assert.equal(await pastes.find(refOf(1), NOW), undefined);
    assert.deepEqual(await pastes.totals(), { count: 0, bytes: 0, createdEver: 0 });
  });

  it('staged bytes can become one paste only', async (subject) => {
    const stores = await allOf(subject);
    const pending = await stage(subject, 'pst_a', [10]);
    const outcomes = await together(stores, 8, ({ store }, i) => create(store.pastes, i, { pending }));
    assert.deepEqual(tally(outcomes), { created: 1, lost: 7 });
  });

  it('an expired paste is found by no verb', async (subject) => {
    const { pastes } = subject.store;
    await create(pastes, 1);
    await create(pastes, 2, { burn: true });
    const late = NOW + HOUR;
    assert.ok(await pastes.find(refOf(1), late - 1));
    for (const n of [1, 2]) {
      assert.equal(await pastes.find(refOf(n), late), undefined);
      assert.equal(await pastes.look(refOf(n), late), undefined);
      assert.equal(await pastes.open(refOf(n), 1, late), undefined);
      assert.equal(await pastes.claim(refOf(n), 1, late, late + HOUR), undefined);
      assert.equal(await pastes.remove(refOf(n), late), false);
    }
  });
}

export function replaying(it: It): void {
  it('the same create under the same key answers the first again, and stores nothing', async ({
    store: { pastes },
  }) => {
    const first = { mimeType: 'text/plain', burn: true, owner: 'sha1:x' };
    await create(pastes, 1, first, { replay: replay(1, 11) });
    const again = await create(pastes, 2, {}, { replay: replay(1, 22), now: NOW + MINUTE });
    assert.deepEqual(again, {
      kind: 'replayed',
      nonce: refOf(11),
      first: { size: 10, ...first, protected: false, createdAt: NOW, expiresAt: NOW + HOUR },
    });
    assert.equal(await pastes.find(refOf(2), NOW), undefined);
    assert.equal((await pastes.totals()).createdEver, 1);
  });

  it('another create under the same key is a conflict', async ({ store: { pastes } }) => {
    await create(pastes, 1, {}, { replay: replay(1) });
    assert.deepEqual(await create(pastes, 2, {}, { replay: replay(2) }), { kind: 'conflict' });
    assert.equal((await pastes.totals()).count, 1);
  });

  it('a key is remembered until it expires, also when its paste is gone', async ({ store: { pastes } }) => {
    await create(pastes, 1, {}, { replay: replay(1, 11) });
    await pastes.remove(refOf(1), NOW);
    assert.equal(await pastes.knowsReplay(hashOf(77), NOW), true);
    const end = NOW + 24 * HOUR;
    assert.equal((await create(pastes, 2, {}, { replay: replay(), now: end - 1 })).kind, 'replayed');
    assert.equal(await pastes.knowsReplay(hashOf(77), end), false);
    const fresh = { ...replay(9, 33), expiresAt: end + HOUR };
    assert.equal((await create(pastes, 3, {}, { replay: fresh, now: end })).kind, 'created');
    assert.equal((await create(pastes, 4, {}, { replay: replay(9), now: end })).kind, 'replayed');
  });

  it('a refused create leaves its key free', async ({ store: { pastes } }) => {
    assert.equal((await create(pastes, 1, {}, { replay: replay(1), quotaBytes: 9 })).kind, 'quota');
    assert.equal(await pastes.knowsReplay(hashOf(77), NOW), false);
    assert.equal((await create(pastes, 2, {}, { replay: replay(2) })).kind, 'created');
  });

  it('of many creates under one key at once, one is made and all others answer it', async (subject) => {
    const stores = await allOf(subject);
    const outcomes = await together(stores, 24, ({ store }, i) =>
      create(store.pastes, i, {}, { replay: replay(1, i + 1) }),
    );
    assert.deepEqual(tally(outcomes), { created: 1, replayed: 23 });
    const winner = outcomes.findIndex(({ kind }) => kind === 'created');
    for (const outcome of outcomes)
      if (outcome.kind === 'replayed') assert.equal(outcome.nonce, refOf(winner + 1));
    assert.equal((await subject.store.pastes.totals()).createdEver, 1);
  });

  it('a replay is answered whatever else would refuse it', async ({ store: { pastes } }) => {
    const work = { tokenHash: hashOf(3), expiresAt: NOW + HOUR, onlyReplay: false };
    const dedup = { contentHash: hashOf(4), max: 1, windowMs: HOUR };
    await create(pastes, 1, {}, { replay: replay(), work, dedup });
    const pending = { kind: 'staged', blob: 'pst_gone', size: 10 } as const;
    const again = await create(pastes, 2, { pending }, { replay: replay(), work, dedup, quotaBytes: 0 });
    assert.equal(again.kind, 'replayed');
  });
}

export function refusing(it: It): void {
  const work = { tokenHash: hashOf(3), expiresAt: NOW + HOUR, onlyReplay: false };
  const dedup = (max: number) => ({ contentHash: hashOf(4), max, windowMs: HOUR });

  it('a proof of work is spent once, also by many at once', async (subject) => {
    const stores = await allOf(subject);
    const outcomes = await together(stores, 24, ({ store }, i) => create(store.pastes, i, {}, { work }));
    assert.deepEqual(tally(outcomes), { created: 1, work_spent: 23 });
  });

  it('a create that is refused for another reason does not spend its proof of work', async ({
    store: { pastes },
  }) => {
    assert.equal((await create(pastes, 1, {}, { work, quotaBytes: 1 })).kind, 'quota');
    await create(pastes, 2, {}, { dedup: dedup(1) });
    assert.equal((await create(pastes, 3, {}, { work, dedup: dedup(1) })).kind, 'duplicate');
    assert.equal((await create(pastes, 4, {}, { work })).kind, 'created');
    assert.equal((await create(pastes, 5, {}, { work })).kind, 'work_spent');
  });

  it('the same bytes too often are a duplicate until the oldest leaves the window', async ({
    store: { pastes },
  }) => {
    for (const n of [0, 1, 2])
      assert.equal((await create(pastes, n, {}, { dedup: dedup(3), now: NOW + n })).kind, 'created');
    const refused = await create(pastes, 3, {}, { dedup: dedup(3), now: NOW + 3 });
    assert.deepEqual(refused, { kind: 'duplicate', freeAt: NOW + HOUR });
    const justBefore = await create(pastes, 4, {}, { dedup: dedup(3), now: NOW + HOUR - 1 });
    assert.deepEqual(justBefore, { kind: 'duplicate', freeAt: NOW + HOUR });
    assert.equal((await create(pastes, 5, {}, { dedup: dedup(3), now: NOW + HOUR })).kind, 'created');
    const next = await create(pastes, 6, {}, { dedup: dedup(3), now: NOW + HOUR });
    assert.deepEqual(next, { kind: 'duplicate', freeAt: NOW + 1 + HOUR });
  });

  it('other bytes are no duplicates, and deleting a paste does not make its bytes fresh', async ({
    store: { pastes },
  }) => {
    await create(pastes, 1, {}, { dedup: dedup(1) });
    const other = { ...dedup(1), contentHash: hashOf(5) };
    assert.equal((await create(pastes, 2, {}, { dedup: other })).kind, 'created');
    await pastes.remove(refOf(1), NOW);
    assert.equal((await create(pastes, 3, {}, { dedup: dedup(1) })).kind, 'duplicate');
  });

  it('of many creates of the same bytes at once, exactly as many are made as may be', async (subject) => {
    const stores = await allOf(subject);
    const outcomes = await together(stores, 24, ({ store }, i) =>
      create(store.pastes, i, {}, { dedup: dedup(3) }),
    );
    assert.deepEqual(tally(outcomes), { created: 3, duplicate: 21 });
  });

  it('the quota is filled to the last byte and not beyond', async ({ store: { pastes } }) => {
    assert.equal((await create(pastes, 1, {}, { quotaBytes: 20 })).kind, 'created');
    const elevenMore = { pending: { kind: 'inline', bytes: bytesOf(11) } } as const;
    assert.deepEqual(await create(pastes, 2, elevenMore, { quotaBytes: 20 }), { kind: 'quota' });
    assert.equal((await create(pastes, 3, {}, { quotaBytes: 20 })).kind, 'created');
    assert.deepEqual(await create(pastes, 4, {}, { quotaBytes: 20 }), { kind: 'quota' });
    await pastes.remove(refOf(1), NOW);
    assert.equal((await create(pastes, 5, {}, { quotaBytes: 20 })).kind, 'created');
    assert.deepEqual(await pastes.totals(), { count: 2, bytes: 20, createdEver: 3 });
  });

  it('many creates at once do not overfill the quota', async (subject) => {
    const stores = await allOf(subject);
    const outcomes = await together(stores, 24, ({ store }, i) =>
      create(store.pastes, i, {}, { quotaBytes: 55 }),
    );
    assert.deepEqual(tally(outcomes), { created: 5, quota: 19 });
    assert.deepEqual(await subject.store.pastes.totals(), { count: 5, bytes: 50, createdEver: 5 });
  });

  it('remembered contents are forgotten in bounded steps, and those of the window are kept', async ({
    store: { pastes },
  }) => {
    for (const n of [0, 1, 2, 3, 4]) await create(pastes, n, {}, { dedup: dedup(9), now: NOW + n });
    assert.equal(await pastes.forgetContents(NOW + 3, 2), false);
    assert.equal(await pastes.forgetContents(NOW + 3, 3), true);
    assert.equal((await create(pastes, 5, {}, { dedup: dedup(2), now: NOW + 5 })).kind, 'created');
    assert.equal((await create(pastes, 6, {}, { dedup: dedup(2), now: NOW + 5 })).kind, 'duplicate');
  });
}
