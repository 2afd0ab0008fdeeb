/**
 * People who record, and what they record: accounts with a completed second factor, incidents, streams, sealed
 * chunks. Over the wire, so that handlers and running servers are asked alike, except where a name says otherwise.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { TOTP } from 'otpauth';
import { nodeCrc32 } from '../../runtime/digest.ts';
import { auditEntry } from '../../src/core/audit.ts';
import { newId } from '../../src/core/ids.ts';
import { sealChunk } from '../../src/crypto/sealed.ts';
import type { Role } from '../../src/store/accounts.ts';
import type { AuditAction } from '../../src/store/audit.ts';
import type { Chunk } from '../../src/store/chunks.ts';
import type { DeletionState, MediaType } from '../../src/store/incidents.ts';
import { answers, ask, logIn, post, type Session, verified } from './ask.ts';
import type { BothDoors } from './both-doors.ts';
import { type House, type HouseOptions, inHouse, ORIGIN } from './house.ts';
import { PASSWORD, type Person, settled } from './people.ts';

type Doors = Pick<House, 'main' | 'admin'>;

/** Somebody settled, with a session that has shown its factor. */
export interface Owner {
  readonly person: Person;
  readonly as: Session;
}

/** A new person of a house, ready to record. */
export async function ownerIn(house: House, username = 'an-owner', role: Role = 'user'): Promise<Owner> {
  const person = await settled(house, username, role);
  return { person, as: await verified(house, person) };
}

/** Runs `use` in a house of its own with somebody who may record. */
export async function inEvidence(
  options: HouseOptions,
  use: (house: House, as: Session, owner: Owner) => Promise<void>,
): Promise<void> {
  await inHouse(options, async (house) => {
    const owner = await ownerIn(house);
    await use(house, owner.as, owner);
  });
}

const FACTOR = '/v1/account/second-factor';

/** Sets up TOTP with a session's own account; the session is verified by it. */
export async function setUpFactor(
  doors: Pick<BothDoors, 'main' | 'admin' | 'now'>,
  as: Session,
): Promise<void> {
  const { secret } = answers(await post(doors, `${FACTOR}/totp/enroll`, as), 201).body;
  const code = new TOTP({ secret }).generate({ timestamp: doors.now() });
  answers(await post(doors, `${FACTOR}/totp/confirm`, as, { code }), 200);
}

const firstAdmins = new WeakMap<BothDoors, Promise<Session>>();

/** The first admin of a Sallyport that has none, with a verified session: made once, for all who share the doors. */
export function firstAdmin(doors: BothDoors): Promise<Session> {
  const made = firstAdmins.get(doors) ?? makeFirstAdmin(doors);
  firstAdmins.set(doors, made);
  return made;
}

async function makeFirstAdmin(doors: BothDoors): Promise<Session> {
  const fields = { bootstrap_secret: doors.bootstrapSecret, username: 'an-admin', password: PASSWORD };
  const made = await doors.admin(
    new Request(`${ORIGIN}/admin/bootstrap`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields).toString(),
    }),
  );
  assert.equal(made.status, 303, await made.text());
  const boss = await logIn(doors, 'an-admin', 'bearer');
  await setUpFactor(doors, boss);
  return boss;
}

/** Makes an account through the private door, and gives it a verified session. */
export async function anotherOwner(doors: BothDoors, boss: Session, role: Role = 'user'): Promise<Session> {
  const body = { username: `user-${randomUUID()}`, password: PASSWORD, role };
  answers(await ask(doors, '/admin/api/accounts', { door: 'admin', as: boss, body }), 201);
  const as = await logIn(doors, body.username, 'bearer');
  await setUpFactor(doors, as);
  return as;
}

/** A new incident's id. */
export async function newIncident(doors: Doors, as: Session, fields: object = {}): Promise<string> {
  return answers(await post(doors, '/v1/incidents', as, fields), 201).body.incident_id;
}

/** A new stream's id. */
export async function newStream(
  doors: Doors,
  as: Session,
  incidentId: string,
  fields: { readonly media_type?: MediaType; readonly label?: string } = {},
): Promise<string> {
  const body = { media_type: 'audio', ...fields };
  return answers(await post(doors, `/v1/incidents/${incidentId}/streams`, as, body), 201).body.stream.id;
}

/** A new viewer link's id and raw token. */
export async function newViewerToken(
  doors: Doors,
  as: Session,
  incidentId: string,
  fields: object = {},
): Promise<{ readonly tokenId: string; readonly token: string }> {
  const path = `/v1/incidents/${incidentId}/incident-tokens`;
  const { token_id: tokenId, token } = answers(await post(doors, path, as, fields), 201).body;
  return { tokenId, token };
}

/** Where a chunk belongs, and what is in it. */
export interface ChunkSpec {
  readonly incidentId: string;
  readonly streamId: string;
  /** 1 unless given. */
  readonly index?: number;
  /** audio unless given. */
  readonly mediaType?: MediaType;
  readonly final?: boolean;
  /** Media bytes before sealing; a few random ones unless given. */
  readonly media?: Uint8Array;
  /** 32 bytes; random unless given. */
  readonly key?: Uint8Array;
}

const random = (length: number) => new Uint8Array(randomBytes(length));

/** A chunk as a recording client seals it. */
export async function sealedChunk(spec: ChunkSpec): Promise<Uint8Array<ArrayBuffer>> {
  const sealed = await sealChunk(spec.media ?? random(100), {
    key: spec.key ?? random(32),
    context: {
      kind: 'chunk',
      incident_id: spec.incidentId,
      stream_id: spec.streamId,
      media_type: spec.mediaType ?? 'audio',
      chunk_index: spec.index ?? 1,
      final: spec.final ?? false,
    },
    random,
  });
  return new Uint8Array(await new Response(sealed).arrayBuffer());
}

/** Lower-case hex SHA-256. */
export const sha256Hex = (bytes: Uint8Array | string): string =>
  createHash('sha256').update(bytes).digest('hex');

/**
 * Commits a small chunk in the store itself, for tests of what comes after uploads. The owner's incident and stream
 * must be open.
 */
export async function keepChunk(house: House, owner: Owner, spec: ChunkSpec): Promise<Chunk> {
  const { deps } = house;
  const bytes = await sealedChunk(spec);
  const { index = 1, mediaType = 'audio' } = spec;
  const id = newId('chk', deps);
  const outcome = await deps.store.chunks.commit(
    {
      owned: { incidentId: spec.incidentId, accountId: owner.person.account.id },
      streamId: spec.streamId,
      chunk: {
        id,
        mediaType,
        chunkIndex: index,
        startedAt: '2026-01-02T03:04:05Z',
        endedAt: '2026-01-02T03:04:15Z',
        byteSize: bytes.length,
        sha256: sha256Hex(bytes),
        crc32: nodeCrc32(bytes, 0),
        createdAt: deps.now(),
      },
      pending: { kind: 'inline', bytes },
      fingerprint: sha256Hex(id),
      accountQuotaBytes: deps.settings.uploads.accountQuotaBytes,
    },
    auditEntry(deps, { listener: 'main', actorKind: 'account' }, 'chunk_commit', 'ok', {
      incidentId: spec.incidentId,
      subjectId: id,
    }),
  );
  if (outcome.kind !== 'committed') throw new Error(`the chunk was not kept: ${JSON.stringify(outcome)}`);
  return outcome.chunk;
}

/** What the audit says of an action, oldest first: outcome, incident and subject. */
export async function auditOf(house: House, action: AuditAction) {
  const entries = await house.deps.store.audit.list(undefined, 10_000);
  return entries
    .filter((entry) => entry.action === action)
    .map(({ outcome, incidentId, subjectId }) => ({ outcome, incidentId, subjectId }))
    .reverse();
}

/** The outcomes of an action in the audit, in alphabetical order: within a millisecond there is no other. */
export async function outcomesOf(house: House, action: AuditAction): Promise<string[]> {
  return (await auditOf(house, action)).map(({ outcome }) => outcome).sort();
}

/** Takes an incident's owner away, as legacy ones have none. */
export async function disown(house: House, incidentId: string): Promise<void> {
  const sql = 'UPDATE incidents SET owner_account_id = NULL WHERE id = ?';
  await house.db.batch([{ sql, args: [incidentId] }], 'write');
}

/** Puts an incident into a state of deletion, without the work of it. */
export async function setDeletionState(
  house: House,
  incidentId: string,
  state: DeletionState,
): Promise<void> {
  const sql = 'UPDATE incidents SET deletion_state = ? WHERE id = ?';
  await house.db.batch([{ sql, args: [state, incidentId] }], 'write');
}
