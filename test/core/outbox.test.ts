import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MailFailure, type MailFailureReason, type MailMessage } from '../../src/core/mail.ts';
import { OUTBOX_AGE_MS, outboxMailer, sendOutbox } from '../../src/core/outbox.ts';
import { openKeyring } from '../../src/crypto/keyring.ts';
import { type House, inHouse } from '../support/house.ts';

const CANARY = 'canary-7f3a';
const MESSAGE: MailMessage = { to: `${CANARY}@example.org`, subject: CANARY, text: `${CANARY}\n` };

/** The process at home: what it sent, and how its mail server behaves. */
function home({ deps }: House) {
  const sent: MailMessage[] = [];
  const failures: MailFailureReason[] = [];
  const mailer = {
    async send(message: MailMessage) {
      const reason = failures.shift();
      if (reason !== undefined) throw new MailFailure(reason);
      sent.push(message);
    },
  };
  return { sent, failures, round: (more = {}) => sendOutbox({ ...deps, mailer, ...more }) };
}

const rows = async ({ db }: House) =>
  (await db.batch([{ sql: 'SELECT * FROM mail_outbox' }], 'read'))[0]?.rows ?? [];

describe('the outbox', () => {
  it('hands a message to the process that sends it, and keeps nothing of it', () =>
    inHouse({}, async (house) => {
      await outboxMailer(house.deps).send(MESSAGE);
      const { sent, round } = home(house);
      assert.deepEqual(await round(), { sent: 1, putOff: 0, givenUp: 0 });
      assert.deepEqual(sent, [MESSAGE]);
      assert.deepEqual(await rows(house), []);
      assert.deepEqual(await round(), { sent: 0, putOff: 0, givenUp: 0 });
    }));

  it('holds nothing of a message in clear, in the database or in the log', () =>
    inHouse({}, async (house) => {
      await outboxMailer(house.deps).send(MESSAGE);
      const { failures, round } = home(house);
      const seen = async () =>
        (await rows(house))
          .flat()
          .map((value) =>
            value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value),
          )
          .join('\n');
      assert.notEqual(await seen(), '');
      assert.ok(!(await seen()).includes(CANARY));
      failures.push('unreachable', 'recipient_refused');
      await round();
      house.clock.advance(60_000);
      await round();
      assert.ok(!JSON.stringify(house.log).includes(CANARY));
      assert.deepEqual(
        house.log.map(({ msg, reason, attempts }) => [msg, reason, attempts]),
        [
          ['a mail was not sent yet', 'unreachable', 1],
          ['a mail was given up', 'recipient_refused', 2],
        ],
      );
    }));

  it('tries again later, at growing pauses, and gives up after an hour', () =>
    inHouse({}, async (house) => {
      await outboxMailer(house.deps).send(MESSAGE);
      const { failures, round } = home(house);
      failures.push(...Array.from({ length: 1000 }, () => 'deferred' as const));
      const started = house.clock.now();
      const pauses: number[] = [];
      let last = started;
      while ((await rows(house)).length > 0) {
        const { putOff } = await round();
        if (putOff > 0) {
          pauses.push(house.clock.now() - last);
          last = house.clock.now();
        }
        house.clock.advance(5000);
      }
      assert.deepEqual(pauses.slice(0, 5), [0, 15_000, 30_000, 60_000, 120_000]);
      assert.ok(Math.max(...pauses) <= 300_000);
      assert.ok(house.clock.now() - started > OUTBOX_AGE_MS);
      assert.equal(house.log.at(-1)?.reason, 'too_old');
    }));

  it('does not send again what was sent by a process that was killed right after, before its pause is over', () =>
    inHouse({}, async (house) => {
      await outboxMailer(house.deps).send(MESSAGE);
      const killed = home(house);
      const store = {
        ...house.deps.store,
        outbox: { ...house.deps.store.outbox, remove: () => Promise.reject() },
      };
      await killed.round({ store }).catch(() => {});
      assert.equal(killed.sent.length, 1);
      const other = home(house);
      await other.round();
      assert.equal(other.sent.length, 0);
      house.clock.advance(120_000);
      await other.round();
      assert.equal(other.sent.length, 1, 'nobody knows that it was sent');
    }));

  it('sends each message once when two processes send at a time', () =>
    inHouse({}, async (house) => {
      for (let i = 0; i < 50; i += 1)
        await outboxMailer(house.deps).send({ ...MESSAGE, subject: `mail ${i}` });
      const [one, two] = [home(house), home(house)];
      await Promise.all([one.round(), two.round()]);
      const subjects = [...one.sent, ...two.sent].map(({ subject }) => subject);
      assert.equal(subjects.length, 50);
      assert.equal(new Set(subjects).size, 50);
    }));

  it('gives up what it cannot open, and what was moved to another row', () =>
    inHouse({}, async (house) => {
      const { keys } = { keys: openKeyring(new Uint8Array(32).fill(8)) };
      await outboxMailer({ ...house.deps, keys }).send(MESSAGE);
      await outboxMailer(house.deps).send(MESSAGE);
      await house.db.batch(
        [{ sql: `UPDATE mail_outbox SET id = '${'0'.repeat(32)}' WHERE rowid = 2` }],
        'write',
      );
      const { sent, round } = home(house);
      assert.deepEqual(await round(), { sent: 0, putOff: 0, givenUp: 2 });
      assert.deepEqual([sent, await rows(house)], [[], []]);
      assert.ok(house.log.every(({ reason }) => reason === 'unreadable'));
    }));

  it('is swept where nobody sends', () =>
    inHouse({}, async (house) => {
      await outboxMailer(house.deps).send(MESSAGE);
      house.clock.advance(2 * OUTBOX_AGE_MS);
      await house.sweep();
      assert.equal((await rows(house)).length, 1);
      house.clock.advance(1);
      await house.sweep();
      assert.equal((await rows(house)).length, 0);
    }));
});
