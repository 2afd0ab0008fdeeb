/** Passkeys, and the ceremonies by which they are registered and shown. */
import type { AccountStore, Ceremony, Passkey } from '../accounts.ts';
import type { Db } from '../db.ts';
import { decide, decided, refuse } from './audit.ts';
import { conclude, concluded, mayAddFactor } from './proof.ts';
import { allRows, firstRow, type Row } from './rows.ts';
import { all, read, Script, Sql, sql, write } from './script.ts';
import { sessionIsLive } from './sessions.ts';

const PASSKEY = new Sql(
  'id, account_id, credential_id, public_key, sign_count, attachment, transports, backup_eligible, ' +
    'backup_state, user_verified, clone_warning, verified_at, last_used_at',
  [],
);

const CEREMONY = new Sql(
  'id, kind, account_id, session_id, rp_id, challenge, attachment, created_at, expires_at',
  [],
);

type Attachment = NonNullable<Passkey['attachment']>;

function passkeyOf(row: Row): Passkey {
  const attachment = row.optionalText('attachment');
  const lastUsedAt = row.optionalNumber('last_used_at');
  return {
    id: row.text('id'),
    accountId: row.text('account_id'),
    credentialId: row.text('credential_id'),
    publicKey: row.bytes('public_key'),
    signCount: row.number('sign_count'),
    ...(attachment !== undefined && { attachment: attachment as Attachment }),
    transports: JSON.parse(row.text('transports')) as string[],
    backupEligible: row.flag('backup_eligible'),
    backupState: row.flag('backup_state'),
    userVerified: row.flag('user_verified'),
    cloneWarning: row.flag('clone_warning'),
    verifiedAt: row.number('verified_at'),
    ...(lastUsedAt !== undefined && { lastUsedAt }),
  };
}

function ceremonyOf(row: Row): Ceremony {
  const attachment = row.optionalText('attachment');
  return {
    id: row.text('id'),
    kind: row.text('kind') as Ceremony['kind'],
    accountId: row.text('account_id'),
    sessionId: row.text('session_id'),
    rpId: row.text('rp_id'),
    challenge: row.text('challenge'),
    ...(attachment !== undefined && { attachment: attachment as Attachment }),
    createdAt: row.number('created_at'),
    expiresAt: row.number('expires_at'),
  };
}

type PasskeyVerbs = Pick<
  AccountStore,
  'passkeys' | 'startCeremony' | 'takeCeremony' | 'addPasskey' | 'usePasskey'
>;

/** The verbs of passkeys. */
export function passkeyVerbs(db: Db): PasskeyVerbs {
  return {
    async passkeys(accountId) {
      const found = await read(
        db,
        sql`SELECT ${PASSKEY} FROM passkeys WHERE account_id = ${accountId} ORDER BY id`,
      );
      return allRows(found).map(passkeyOf);
    },

    async startCeremony(ceremony, audit) {
      const { accountId, sessionId, createdAt } = ceremony;
      const script = new Script();
      const done = decide(script, audit, sessionIsLive(accountId, sessionId, createdAt));
      script.step(
        'start',
        sql`INSERT INTO ceremonies (${CEREMONY})
          SELECT ${ceremony.id}, ${ceremony.kind}, ${accountId}, ${sessionId}, ${ceremony.rpId},
            ${ceremony.challenge}, ${ceremony.attachment ?? null}, ${createdAt}, ${ceremony.expiresAt}
          WHERE ${done}
          ON CONFLICT (session_id, kind) DO UPDATE SET id = excluded.id, account_id = excluded.account_id,
            rp_id = excluded.rp_id, challenge = excluded.challenge, attachment = excluded.attachment,
            created_at = excluded.created_at, expires_at = excluded.expires_at`,
      );
      refuse(script, audit, 'denied');
      await script.run(db);
    },

    async takeCeremony(kind, accountId, sessionId, now) {
      const taken = await write(
        db,
        sql`DELETE FROM ceremonies WHERE session_id = ${sessionId} AND kind = ${kind}
          AND account_id = ${accountId} RETURNING ${CEREMONY}`,
      );
      const row = firstRow(taken);
      const ceremony = row && ceremonyOf(row);
      return ceremony && ceremony.expiresAt > now ? ceremony : undefined;
    },

    async addPasskey(passkey, proof) {
      const { accountId, sessionId, now, audit } = proof;
      const taken = sql`EXISTS (SELECT 1 FROM passkeys WHERE credential_id = ${passkey.credentialId})`;
      const mayAdd = all(sessionIsLive(accountId, sessionId, now), mayAddFactor(proof));
      const script = new Script();
      script.step('duplicate', sql`SELECT 1 WHERE ${all(taken, mayAdd)}`);
      const done = decide(script, audit, all(sql`NOT ${taken}`, mayAdd));
      script.step(
        'insert',
        sql`INSERT INTO passkeys (${PASSKEY})
          SELECT ${passkey.id}, ${accountId}, ${passkey.credentialId}, ${passkey.publicKey},
            ${passkey.signCount}, ${passkey.attachment ?? null}, ${JSON.stringify(passkey.transports)},
            ${Number(passkey.backupEligible)}, ${Number(passkey.backupState)}, ${Number(passkey.userVerified)},
            ${Number(passkey.cloneWarning)}, ${passkey.verifiedAt}, ${passkey.lastUsedAt ?? null}
          WHERE ${done}`,
      );
      conclude(script, proof, done);
      refuse(script, audit, 'conflict', all(taken, mayAdd));
      refuse(script, audit, 'denied');
      const answer = await script.run(db);
      if (decided(answer)) return { live: concluded(answer) };
      return firstRow(answer('duplicate')) ? 'duplicate' : undefined;
    },

    async usePasskey(id, use, proof) {
      const { accountId, sessionId, now, audit } = proof;
      const theirs = sql`id = ${id} AND account_id = ${accountId}`;
      const { signCount } = use;
      const script = new Script();
      const done = decide(
        script,
        audit,
        all(sql`EXISTS (SELECT 1 FROM passkeys WHERE ${theirs})`, sessionIsLive(accountId, sessionId, now)),
      );
      // Web Authentication Level 3, 7.2: the counter of one authenticator rises with each use, unless it has none.
      script.step(
        'use',
        sql`UPDATE passkeys SET
            clone_warning = clone_warning OR ((${signCount} > 0 OR sign_count > 0) AND ${signCount} <= sign_count),
            sign_count = max(sign_count, ${signCount}), backup_state = ${Number(use.backupState)},
            user_verified = ${Number(use.userVerified)}, last_used_at = ${now}
          WHERE ${theirs} AND ${done} RETURNING ${PASSKEY}`,
      );
      conclude(script, proof, done);
      refuse(script, audit, 'denied');
      const answer = await script.run(db);
      const row = firstRow(answer('use'));
      return decided(answer) && row ? { passkey: passkeyOf(row), live: concluded(answer) } : undefined;
    },
  };
}
