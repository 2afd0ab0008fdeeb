/** The queue of webhooks and its rounds, on a real database and with a clock that stands still. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type PostWebhook,
  WEBHOOK_AGE_MS,
  type WebhookFailure,
  webhookBody,
  webhookRounds,
} from '../../src/core/webhooks.ts';
import { pasteRef } from '../../src/crypto/tokens.ts';
import { DbError } from '../../src/store/db.ts';
import { type Created, created, type Door, raw, remove, token } from '../support/door.ts';
import { doorOf } from '../support/handler-door.ts';
import { type House, type HouseOptions, inHouse } from '../support/house.ts';

const KEY = Buffer.alloc(32, 5).toString('base64');
const HOOKED = { SAFE_WEBHOOK_URL: 'https://hooks.example/x', SAFE_WEBHOOK_SECRET: `whsec_${KEY}` };
const SECOND = 1000;
const HOUR = 3_600_000;

interface Delivered {
  readonly id: string;
  readonly type: string;
  readonly ref: string;
  readonly body: string;
  readonly at: number;
}

/** What reaches the receiver, and how it answers. */
class Receiver {
  readonly seen: Delivered[] = [];
  readonly taken: Delivered[] = [];
  underWay = 0;
  most = 0;
  answer: (
    message: Delivered,
  ) => WebhookFailure | 'stopped' | undefined | Promise<WebhookFailure | undefined> = () => undefined;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  readonly post: PostWebhook = async (headers, body) => {
    const { type, data } = JSON.parse(body) as { type: string; data: { ref: string } };
    const message = { id: headers['webhook-id'] ?? '', type, ref: data.ref, body, at: this.#now() };
    this.seen.push(message);
    this.underWay += 1;
    this.most = Math.max(this.most, this.underWay);
    const failure = await this.answer(message);
    this.underWay -= 1;
    if (failure === undefined) this.taken.push(message);
    return failure;
  };
}

interface Hooked {
  readonly house: House;
  readonly door: Door;
  readonly receiver: Receiver;
  /** One round of this process. */
  round(): Promise<unknown>;
  /** As `round`, of a process that was just started. */
  afresh(): void;
  state(): ReturnType<House['deps']['store']['webhooks']['state']>;
}

function hooked(use: (it: Hooked) => Promise<void>, options: HouseOptions = {}): Promise<void> {
  return inHouse({ ...options, env: { ...HOOKED, ...options.env } }, async (house) => {
    const receiver = new Receiver(house.clock.now);
    const make = () =>
      webhookRounds(house.deps, {
        keys: house.deps.settings.webhook?.secrets ?? [],
        post: receiver.post,
        leaseMs: 0,
      });
    let rounds = make();
    await use({
      house,
      door: doorOf(house),
      receiver,
      round: () => rounds(() => false),
      afresh() {
        rounds = make();
      },
      state: () => house.deps.store.webhooks.state(),
    });
  });
}

const waiting = async ({ db }: House) =>
  (await db.batch([{ sql: 'SELECT event, ref FROM webhook_outbox ORDER BY seq' }], 'read'))[0]?.rows ?? [];

let sent = 0;
const paste = (door: Door, headers: Record<string, string> = {}): Promise<Created> => {
  sent += 1;
  return created(door, `a paste, number ${sent}`, headers);
};
const refOf = ({ id }: Created) => pasteRef(id);

describe('an event is written down with what it tells of', () => {
  it('each kind once, with nothing of the paste but its ref, size and times', () =>
    hooked(async ({ house, door, receiver, round }) => {
      const kept = await paste(door);
      await raw(door, kept.id);
      await remove(door, kept.id, token(kept));
      const burning = await paste(door, { 'x-burn-after-read': '1' });
      await raw(door, burning.id);
      const short = await paste(door, { 'x-expiry': '60' });
      house.clock.advance(61 * SECOND);
      await house.sweep();
      await round();
      assert.deepEqual(
        receiver.taken.map(({ type, ref }) => `${type} ${ref}`).sort(),
        [
          `paste.created ${refOf(kept)}`,
          `paste.read ${refOf(kept)}`,
          `paste.deleted ${refOf(kept)}`,
          `paste.created ${refOf(burning)}`,
          `paste.burned ${refOf(burning)}`,
          `paste.created ${refOf(short)}`,
          `paste.expired ${refOf(short)}`,
        ].sort(),
      );
      for (const { body } of receiver.taken) {
        const { type, timestamp, data, ...rest } = JSON.parse(body);
        assert.deepEqual(Object.keys(data), ['ref', 'size', 'created_at', 'expires_at']);
        assert.deepEqual(rest, {});
        for (const time of [timestamp, data.created_at, data.expires_at])
          assert.equal(new Date(time).toISOString(), time);
        for (const made of [kept, burning, short]) {
          assert.ok(!body.includes(made.id) && !body.includes(made.delete_token));
          if (data.ref === refOf(made)) {
            assert.deepEqual([data.size, data.created_at], [made.size, made.created_at]);
          }
        }
        assert.match(type, /^paste\.(created|read|burned|expired|deleted)$/);
      }
    }));

  it('by the operator’s deletion too, and by the clean-up', () =>
    hooked(async ({ house, door }) => {
      const made = await paste(door);
      const { deletePasteByRef } = await import('../../src/core/operator-pastes.ts');
      const origin = { listener: 'admin', routeClass: 'admin_json', actorKind: 'admin' } as const;
      await deletePasteByRef(house.deps, origin, refOf(made));
      await assert.rejects(deletePasteByRef(house.deps, origin, refOf(made)));
      assert.deepEqual(await waiting(house), [
        ['paste.created', refOf(made)],
        ['paste.deleted', refOf(made)],
      ]);
    }));

  it('only where something happened: not by a refusal, a look, a repeated create or a replacement', () =>
    hooked(async ({ house, door }) => {
      const key = { 'idempotency-key': 'one-and-the-same-key' };
      const made = await created(door, 'said twice', key);
      await door.send({ method: 'POST', path: '/', body: 'said twice', headers: key });
      for (const method of ['HEAD', 'GET']) await door.send({ method, path: `/${made.id}` });
      await door.send({ method: 'HEAD', path: `/${made.id}/raw` });
      await remove(door, made.id, { 'x-delete-token': 'wrong' });
      await door.send({ method: 'PUT', path: `/${made.id}`, body: 'other words', headers: token(made) });
      await door.send({ method: 'POST', path: '/', body: '' });
      const guarded = await created(door, 'guarded', { 'x-paste-password': 'a password' });
      await raw(door, guarded.id);
      await raw(door, guarded.id, { 'x-paste-password': 'wrong' });
      const burning = await paste(door, { 'x-burn-after-read': '1' });
      await door.send({ path: `/${burning.id}/raw`, headers: { range: 'bytes=0-1' } });
      assert.deepEqual(
        (await waiting(house)).map(([event]) => event),
        ['paste.created', 'paste.created', 'paste.created'],
      );
      await raw(door, guarded.id, { 'x-paste-password': 'a password' });
      assert.deepEqual((await waiting(house)).at(-1), ['paste.read', refOf(guarded)]);
    }));

  it('once, however many burn a paste at the same time', () =>
    hooked(async ({ house, door }) => {
      const made = await paste(door, { 'x-burn-after-read': '1' });
      await Promise.all(Array.from({ length: 12 }, () => raw(door, made.id)));
      assert.deepEqual(await waiting(house), [
        ['paste.created', refOf(made)],
        ['paste.burned', refOf(made)],
      ]);
    }));

  it('only of the kinds that were asked for', () =>
    hooked(
      async ({ house, door }) => {
        const made = await paste(door);
        await raw(door, made.id);
        await remove(door, made.id, token(made));
        assert.deepEqual(await waiting(house), [['paste.deleted', refOf(made)]]);
        assert.equal(house.deps.store.pastes.noteRead, undefined, 'reading stays a reading');
      },
      { env: { SAFE_WEBHOOK_EVENTS: 'paste.deleted' } },
    ));

  it('not at all, and for nothing, where no webhook is set', () =>
    inHouse({}, async (house) => {
      const door = doorOf(house);
      const made = await paste(door);
      await raw(door, made.id);
      await remove(door, made.id, token(made));
      assert.deepEqual(await waiting(house), []);
    }));

  it('and where a read cannot be written down, people go on reading', () =>
    hooked(async ({ house, door }) => {
      const made = await paste(door);
      const { pastes } = house.deps.store;
      const full = () => Promise.reject(new DbError('full', 'a text about the database'));
      const { createMain } = await import('../../src/handlers/main.ts');
      const main = createMain({
        ...house.deps,
        store: { ...house.deps.store, pastes: { ...pastes, noteRead: full } },
      });
      assert.equal((await raw(doorOf({ ...house, main }), made.id)).status, 200);
      const [line] = house.log.filter(({ msg }) => msg.startsWith('a read could not'));
      assert.deepEqual([line?.level, line?.error_type], ['error', 'DbError']);
    }));
});

describe('delivery', () => {
  it('is signed at each attempt, under one id and with the time of the attempt', () =>
    hooked(async ({ house, door, round }) => {
      await paste(door);
      const all: Record<string, string>[] = [];
      const answers: (WebhookFailure | undefined)[] = ['status_500', undefined];
      const rounds = webhookRounds(house.deps, {
        keys: [Buffer.from(KEY, 'base64')],
        leaseMs: 0,
        async post(headers) {
          all.push({ ...headers });
          return answers.shift();
        },
      });
      await rounds(() => false);
      house.clock.advance(10 * SECOND);
      await rounds(() => false);
      await round();
      const [first, second] = all;
      assert.equal(all.length, 2);
      assert.match(first?.['webhook-id'] ?? '', /^msg_[0-9a-f]{32}$/);
      assert.equal(second?.['webhook-id'], first?.['webhook-id']);
      assert.equal(Number(second?.['webhook-timestamp']) - Number(first?.['webhook-timestamp']), 10);
      assert.notEqual(second?.['webhook-signature'], first?.['webhook-signature']);
    }));

  it('keeps the order of a paste while others go on', () =>
    hooked(async ({ house, door, receiver, round }) => {
      const [stuck, free] = [await paste(door), await paste(door)];
      for (const made of [stuck, free, stuck, free]) await raw(door, made.id);
      for (const made of [stuck, free]) await remove(door, made.id, token(made));
      let broken = true;
      receiver.answer = ({ ref }) => (broken && ref === refOf(stuck) ? 'status_503' : undefined);
      await round();
      const ofFree = ['created', 'read', 'read', 'deleted'].map((name) => `paste.${name}`);
      assert.deepEqual(
        receiver.taken.map(({ type }) => type),
        ofFree,
      );
      assert.equal(
        receiver.seen.filter(({ ref }) => ref === refOf(stuck)).length,
        1,
        'the rest waits for the first',
      );
      house.clock.advance(10 * SECOND);
      broken = false;
      await round();
      assert.deepEqual(
        receiver.taken.slice(4).map(({ type, ref }) => `${type} ${ref}`),
        ofFree.map((type) => `${type} ${refOf(stuck)}`),
      );
    }));

  it('is tried again at growing pauses with jitter for a day, and then given up, counted and logged', () =>
    hooked(async ({ house, door, receiver, round, state }) => {
      await paste(door);
      receiver.answer = () => 'status_500';
      const began = house.clock.now();
      while ((await state()).waiting > 0 && receiver.seen.length < 100) {
        await round();
        house.clock.advance(SECOND);
        const [next] =
          (await house.db.batch([{ sql: 'SELECT due_at FROM webhook_outbox' }], 'read'))[0]?.rows ?? [];
        const wait = Number(next?.[0] ?? 0) - house.clock.now() - SECOND;
        // A round a second would take a while; nothing is due in between.
        if (wait > 0) house.clock.advance(wait);
      }
      const times = receiver.seen.map(({ at }) => at - began);
      const pauses = times.slice(1).map((at, n) => at - (times[n] ?? 0));
      const nominal = [5, 30, 120, 600, 1800, 3600, 7200, 14_400].map((seconds) => seconds * SECOND);
      for (const [n, pause] of pauses.slice(0, -1).entries()) {
        const meant = nominal[Math.min(n, nominal.length - 1)] ?? 0;
        // The receiver in trouble adds a rest of up to a minute and a quarter.
        assert.ok(
          pause >= meant * 0.75 && pause <= meant * 1.25 + 76 * SECOND,
          `${n}: ${pause} for ${meant}`,
        );
      }
      const last = times.at(-1) ?? 0;
      assert.ok(last >= WEBHOOK_AGE_MS && last < WEBHOOK_AGE_MS + 76 * SECOND, `${last}`);
      assert.equal(new Set(receiver.seen.map(({ id }) => id)).size, 1);
      const { givenUp, failed, delivered, lastFailure } = await state();
      assert.deepEqual([givenUp, failed, delivered, lastFailure], [1, times.length, 0, 'status_500']);
      const given = house.log.find(({ msg }) => msg === 'a webhook was given up');
      assert.deepEqual(
        [given?.event, given?.reason, given?.attempts],
        ['paste.created', 'status_500', times.length],
      );
    }));

  it('comes at different times for what failed together', () =>
    hooked(async ({ house, door, receiver, round }) => {
      for (let n = 0; n < 4; n += 1) await paste(door);
      receiver.answer = () => 'timeout';
      await round();
      const [due] = await house.db.batch([{ sql: 'SELECT DISTINCT due_at FROM webhook_outbox' }], 'read');
      assert.ok((due?.rows.length ?? 0) > 1);
    }));

  it('happens at least once: what was taken and not written down comes again under the same id', () =>
    hooked(async ({ house, door, receiver, afresh, round }) => {
      await paste(door);
      const { webhooks } = house.deps.store;
      const rounds = webhookRounds(
        {
          ...house.deps,
          store: { webhooks: { ...webhooks, delivered: () => Promise.reject(new DbError('busy', 'x')) } },
        },
        { keys: [new Uint8Array(32)], post: receiver.post, leaseMs: 0 },
      );
      await assert.rejects(rounds(() => false));
      afresh();
      await round();
      assert.equal(receiver.taken.length, 2);
      assert.equal(receiver.taken[0]?.id, receiver.taken[1]?.id);
      await round();
      assert.equal(receiver.taken.length, 2);
    }));

  it('of one process leaves what another one has under way alone, until that one must be gone', () =>
    hooked(async ({ house, door, receiver }) => {
      await paste(door);
      const shared = () =>
        webhookRounds(house.deps, { keys: [new Uint8Array(32)], post: receiver.post, leaseMs: 30 * SECOND });
      receiver.answer = () => 'stopped';
      await shared()(() => false);
      receiver.answer = () => undefined;
      await shared()(() => false);
      assert.equal(receiver.seen.length, 1);
      house.clock.advance(30 * SECOND);
      await shared()(() => false);
      assert.deepEqual([receiver.seen.length, receiver.taken.length], [2, 1]);
    }));

  it('is of few at a time, of one paste never more than one', () =>
    hooked(async ({ door, receiver, round }) => {
      const made: Created[] = [];
      for (let n = 0; n < 30; n += 1) made.push(await paste(door));
      for (const one of made.slice(0, 5)) await raw(door, one.id);
      const refs = new Map<string, number>();
      const turnOver = () => new Promise((resolve) => setImmediate(resolve));
      receiver.answer = async ({ ref }) => {
        refs.set(ref, (refs.get(ref) ?? 0) + 1);
        assert.equal(refs.get(ref), 1);
        // Until as many are under way as may be, and then for a while, in which one more would come.
        for (let turn = 0; turn < 50_000 && receiver.most < 8; turn += 1) await turnOver();
        for (let turn = 0; turn < 200; turn += 1) await turnOver();
        refs.set(ref, 0);
        return undefined;
      };
      await round();
      assert.equal(receiver.taken.length, 35);
      assert.equal(receiver.most, 8);
    }));

  it('stops when it is told to, and leaves the rest waiting', () =>
    hooked(async ({ house, door, receiver, state }) => {
      for (let n = 0; n < 30; n += 1) await paste(door);
      const rounds = webhookRounds(house.deps, {
        keys: [new Uint8Array(32)],
        post: receiver.post,
        leaseMs: 0,
      });
      await rounds(() => receiver.seen.length >= 10);
      assert.ok(receiver.seen.length < 20);
      assert.equal((await state()).waiting, 30 - receiver.taken.length);
    }));
});

describe('a receiver that fails', () => {
  it('is asked by one message at a time at growing pauses, however many wait, and then gets all of them', () =>
    hooked(async ({ house, door, receiver, round, state }) => {
      for (let n = 0; n < 100; n += 1) await paste(door);
      receiver.answer = () => 'unreachable';
      await round();
      assert.ok(receiver.seen.length <= 12, `${receiver.seen.length} at first`);
      const first = receiver.seen.length;
      for (let minute = 0; minute < 10 * 60; minute += 1) {
        house.clock.advance(SECOND);
        await round();
      }
      const later = receiver.seen.length - first;
      assert.ok(later >= 10 && later <= 30, `${later} in ten minutes`);
      receiver.answer = () => undefined;
      house.clock.advance(2 * 60 * SECOND);
      await round();
      house.clock.advance(10 * HOUR);
      await round();
      assert.equal(receiver.taken.length, 100);
      const { waiting: left, delivered } = await state();
      assert.deepEqual([left, delivered], [0, 100]);
      assert.deepEqual(
        house.log
          .filter(({ msg }) => msg.startsWith('webhooks'))
          .map(({ level, msg, reason }) => [level, msg, reason]),
        [
          ['warn', 'webhooks are not taken', 'unreachable'],
          ['info', 'webhooks are taken again', undefined],
        ],
      );
    }));

  it('is tried once with what is older than a day, after the server was off', () =>
    hooked(async ({ house, door, receiver, round, state }) => {
      for (let n = 0; n < 3; n += 1) await paste(door);
      house.clock.advance(WEBHOOK_AGE_MS + HOUR);
      receiver.answer = ({ at: _ }) => (receiver.seen.length === 1 ? 'timeout' : undefined);
      await round();
      const { delivered, givenUp, waiting: left } = await state();
      assert.deepEqual([delivered, givenUp, left], [2, 1, 0]);
    }));

  it('that is not there any more leaves nothing behind: after two days a sweep gives up what waits', () =>
    hooked(async ({ house, door, state }) => {
      for (let n = 0; n < 3; n += 1) await paste(door);
      house.clock.advance(2 * WEBHOOK_AGE_MS - HOUR);
      await house.deps.store.webhooks.sweep(house.clock.now() - 2 * WEBHOOK_AGE_MS, 2);
      assert.equal((await state()).waiting, 3);
      house.clock.advance(2 * HOUR);
      const old = house.clock.now() - 2 * WEBHOOK_AGE_MS;
      assert.equal(await house.deps.store.webhooks.sweep(old, 2), false, 'there may be more');
      assert.equal(await house.deps.store.webhooks.sweep(old, 2), true);
      const { waiting: left, givenUp } = await state();
      assert.deepEqual([left, givenUp], [0, 3]);
    }));
});

describe('a queue that is full', () => {
  const shrink = ({ db }: House, most: number) =>
    db.batch([{ sql: 'UPDATE webhook_state SET most = ?', args: [most] }], 'write');

  it('refuses no request: what is new is dropped and counted, and reads at half of it', () =>
    hooked(async ({ house, door, receiver, round, state }) => {
      await shrink(house, 6);
      const made = await paste(door);
      for (let n = 0; n < 5; n += 1) assert.equal((await raw(door, made.id)).status, 200);
      assert.deepEqual(
        (await waiting(house)).map(([event]) => event),
        ['paste.created', 'paste.read', 'paste.read'],
      );
      for (let n = 0; n < 5; n += 1) await paste(door);
      await remove(door, made.id, token(made));
      const full = await state();
      assert.deepEqual([full.waiting, full.dropped], [6, 3 + 2 + 1]);
      await round();
      assert.equal(receiver.taken.length, 6);
      await paste(door);
      await round();
      assert.equal(receiver.taken.length, 7);
      assert.equal((await state()).dropped, 6);
    }));

  it('keeps its bound also when a sweep ends many pastes at once', () =>
    hooked(async ({ house, door, state }) => {
      for (let n = 0; n < 20; n += 1) await paste(door, { 'x-expiry': '60' });
      await shrink(house, 25);
      house.clock.advance(61 * SECOND);
      assert.equal((await house.sweep()).pastesRemoved, 20);
      const { waiting: left, dropped } = await state();
      assert.deepEqual([left, dropped], [25, 15]);
    }));
});

it('a body is the same at each attempt', () => {
  const webhook = {
    seq: 1,
    id: `msg_${'0'.repeat(32)}`,
    event: 'paste.created',
    at: 0,
    paste: { ref: 'a'.repeat(32), size: 5, createdAt: 0, expiresAt: 1000 },
    attempts: 0,
  } as const;
  assert.equal(
    webhookBody(webhook),
    `{"type":"paste.created","timestamp":"1970-01-01T00:00:00.000Z","data":{"ref":"${'a'.repeat(32)}","size":5,"created_at":"1970-01-01T00:00:00.000Z","expires_at":"1970-01-01T00:00:01.000Z"}}`,
  );
  assert.equal(webhookBody({ ...webhook, attempts: 7 }), webhookBody(webhook));
});
