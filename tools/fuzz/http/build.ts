/** Requests that are right, from an operation of the documents and what earlier answers brought. */
import { createHash } from 'node:crypto';
import { encodeBase64url } from '../../../src/crypto/sealed-base64.ts';
import type { Authenticator } from '../../../test/support/authenticator.ts';
import { AGE_HEADER } from '../../../test/support/door.ts';
import { sealedChunk } from '../../../test/support/evidence.ts';
import { FORM, formOf } from '../../../test/support/uploads.ts';
import type { Chance } from '../chance.ts';
import { CEREMONIES } from './ceremonies.ts';
import type { Operation, Schema } from './operations.ts';
import type { Pool } from './pool.ts';
import {
  type Asker,
  ENDED,
  headerValue,
  MEDIA,
  memberValue,
  pathValue,
  queryValue,
  STARTED,
} from './values.ts';

/** A request before it is written down: what mutations change. */
export interface Draft {
  method: string;
  /** Still encoded, without a query. */
  path: string;
  query: [string, string][];
  headers: [string, string][];
  /** One of these is the body, or none. */
  json?: unknown;
  fields?: [string, string][];
  bytes?: Uint8Array<ArrayBuffer>;
  /** All of what an upload in pieces begins. */
  whole?: Uint8Array<ArrayBuffer>;
}

/** What a builder knows of whoever asks. */
export interface Account {
  readonly username: string;
  /** The code that its authenticator shows now. */
  code(): string;
  /** What it has passkeys in. */
  readonly device: Authenticator;
}

export interface Building extends Asker {
  readonly account: Account | undefined;
}

/** Optional headers without which hardly anything would be done. */
const USUAL = new Set(['X-Delete-Token', 'X-HTTP-Method-Override', 'Tus-Resumable']);
/** An optional header or member is there so often: once in so many. */
const OPTIONAL_ONCE_IN = 3;

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes);
const digest = (bytes: Uint8Array) => `sha-256=:${sha256(bytes).digest('base64')}:`;
const hexDigest = (text: Uint8Array | string) => createHash('sha256').update(text).digest('hex');

/** A value that a schema allows. */
function allowedBy(building: Building, schema: Schema, name: string, incident: string | undefined): unknown {
  const { chance } = building;
  if (schema.const !== undefined) return schema.const;
  if (schema.type === 'object') return documentOf(building, schema, incident);
  const known = memberValue(building, name, incident);
  if (known !== undefined) return known;
  if (schema.enum !== undefined) return chance.some(schema.enum);
  if (schema.anyOf !== undefined) return allowedBy(building, chance.some(schema.anyOf) ?? {}, name, incident);
  if (schema.type === 'boolean') return chance.once(2);
  if (schema.type === 'null') return null;
  if (schema.type === 'integer' || schema.type === 'number')
    return (
      (schema.minimum ?? 0) + chance.below(Math.min(100, (schema.maximum ?? 100) - (schema.minimum ?? 0)))
    );
  return `text ${chance.below(1000)}`;
}

function documentOf(
  building: Building,
  schema: Schema,
  incident: string | undefined,
): Record<string, unknown> {
  const required = schema.required ?? [];
  return Object.fromEntries(
    Object.entries(schema.properties ?? {})
      .filter(([name]) => required.includes(name) || building.chance.once(OPTIONAL_ONCE_IN))
      .map(([name, inner]) => [name, allowedBy(building, inner, name, incident)]),
  );
}

function filledPath(building: Building, { id, path, method }: Operation): string {
  let made = '';
  for (const piece of path.split(/(\{\w+\})/)) {
    const name = /^\{(\w+)\}$/.exec(piece)?.[1];
    // What is decided about incidents of nobody is refused for all others.
    const unowned = /reassign$/.test(id) && !building.chance.once(4);
    const known = unowned ? building.pool.pick(building.chance, 'unowned', building.who) : undefined;
    made += name === undefined ? piece : (known ?? pathValue(building, made, name, method));
  }
  return made;
}

const incidentOf = (path: string) => /inc_[0-9A-Z]{26}/.exec(path)?.[0];

interface Sealed {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly streamId: string;
  readonly index: number;
  readonly mediaType: (typeof MEDIA)[number];
}

/** A key that seals: nobody has to open what a run keeps. */
const KEY = new Uint8Array(32).fill(5);

async function sealed(building: Building, path: string): Promise<Sealed> {
  const { chance, pool, who } = building;
  const incidentId = incidentOf(path) ?? `inc_${'0'.repeat(26)}`;
  const streamId =
    /str_[0-9A-Z]{26}/.exec(path)?.[0] ??
    pool.pick(chance, 'str', who, incidentId) ??
    `str_${'0'.repeat(26)}`;
  const index = Number(
    /\/chunks\/(\d+)$/.exec(path)?.[1] ??
      (chance.once(4) ? 1 + chance.below(4) : pool.chunksOf(streamId) + 1),
  );
  // Most streams are of audio; what is not is refused for that.
  const mediaType = chance.once(4) ? chance.of(MEDIA) : 'audio';
  const media = chance.bytes(chance.of([1, 40, 200, 3000]));
  const bytes = await sealedChunk({ incidentId, streamId, index, mediaType, media, key: KEY });
  return { bytes, streamId, index, mediaType };
}

const fieldsOf = ({ bytes, streamId, index, mediaType }: Sealed) => ({
  stream_id: streamId,
  chunk_index: String(index),
  media_type: mediaType,
  started_at: STARTED,
  ended_at: ENDED,
  sha256_hex: hexDigest(bytes),
});

const metadata = (one: Sealed) =>
  Object.entries(fieldsOf(one))
    .map(([name, value]) => `${name} ${btoa(value)}`)
    .join(',');

/** A part of a sealed chunk, from where the last part ended as often as not. */
function piece({ chance }: Building, whole: Uint8Array<ArrayBuffer>, from = 0): Uint8Array<ArrayBuffer> {
  const end = chance.once(2) ? whole.length : from + chance.below(whole.length - from + 1);
  return whole.slice(from, end);
}

type Special = (building: Building, draft: Draft) => void | Promise<void>;

const set = (draft: Draft, name: string, value: string) => {
  draft.headers = draft.headers.filter(([other]) => other.toLowerCase() !== name);
  draft.headers.push([name, value]);
};

const keyBody: Special = ({ chance }, draft) => {
  const { contact_id, recipient_id, recipient_account_id, ...json } = draft.json as Record<string, unknown>;
  // Without one it is a new contact.
  const again = typeof contact_id === 'string' && contact_id.startsWith('ctc_') && chance.once(2);
  draft.json = {
    ...json,
    ...(again && { contact_id }),
    public_key_fingerprint: hexDigest(String(json.public_key)),
  };
};

/** What no schema tells: bytes with their digests, documents that belong together. */
const SPECIAL: Readonly<Record<string, Special>> = {
  'pastes.create': ({ chance }, draft) => paste(chance, draft),
  'pastes.replace': ({ chance }, draft) => paste(chance, draft),
  ...CEREMONIES,
  'contact-keys.create': keyBody,
  'contact-keys.replace': keyBody,
  'recipient-keys.create': keyBody,
  'recipient-keys.replace': keyBody,
  'incidents.reassign': ({ chance, pool, who }, draft) => {
    const assigns = chance.once(2);
    const owner = pool.pick(chance, 'acct', who);
    draft.json = {
      action: assigns ? 'assign_owner' : 'keep_unowned',
      reason_code: chance.of(['owner_verified', 'operator_review', 'unknown_owner']),
      ...(assigns && owner !== undefined && { new_owner_account_id: owner }),
    };
  },
  'dashboard.incident-reassign': ({ chance }, draft) => {
    if (!chance.once(2)) return;
    for (const field of draft.fields ?? []) {
      if (field[0] === 'action') field[1] = 'keep_unowned';
      if (field[0] === 'new_owner') field[1] = '';
    }
  },
  'wrapped-keys.create': ({ chance }, draft) => {
    const file = new Uint8Array([...new TextEncoder().encode(AGE_HEADER), ...chance.bytes(64)]);
    draft.json = {
      ...(draft.json as object),
      wrapped_key_ciphertext: encodeBase64url(file),
    };
  },
  'chunks.upload': async (building, draft) => {
    const one = await sealed(building, draft.path);
    set(draft, 'content-type', FORM['content-type']);
    draft.bytes = formOf(fieldsOf(one), one.bytes, `${building.chance.below(100)}.bin`);
  },
  'chunks.put': async (building, draft) => {
    const one = await sealed(building, draft.path);
    const inPieces = building.chance.once(3);
    draft.headers = draft.headers.filter(([name]) => !/^(upload-|repr-|content-d)/i.test(name));
    draft.bytes = inPieces ? piece(building, one.bytes) : one.bytes;
    set(draft, 'x-media-type', one.mediaType);
    set(draft, inPieces ? 'repr-digest' : 'content-digest', digest(one.bytes));
    if (!inPieces) return;
    set(draft, 'upload-complete', '?0');
    draft.whole = one.bytes;
  },
  'chunks.reconcile': async (building, draft) => {
    const { sha256_hex, ...one } = fieldsOf(await sealed(building, draft.path));
    const known = building.pool.pick(building.chance, 'sha256', building.who);
    draft.json = {
      ...one,
      chunk_index: Number(one.chunk_index),
      byte_size: 300,
      sha256_hex: known ?? sha256_hex,
    };
  },
  'streams.complete': ({ pool }, draft) => {
    const stream = /str_[0-9A-Z]{26}/.exec(draft.path)?.[0] ?? '';
    draft.json = { expected_chunk_count: Math.max(1, pool.chunksOf(stream)) };
  },
  'uploads.offset': ({ chance, pool }, draft) => forProtocol(chance, pool, draft),
  'uploads.cancel': ({ chance, pool }, draft) => forProtocol(chance, pool, draft),
  'uploads.create': async (building, draft) => {
    const one = await sealed(building, draft.path);
    draft.headers = draft.headers.filter(([name]) => !/^upload-/i.test(name));
    set(draft, 'tus-resumable', '1.0.0');
    draft.whole = one.bytes;
    set(draft, 'upload-metadata', metadata(one));
    if (building.chance.once(4)) set(draft, 'upload-defer-length', '1');
    else set(draft, 'upload-length', String(one.bytes.length));
    if (!building.chance.once(2)) return;
    set(draft, 'content-type', 'application/offset+octet-stream');
    draft.bytes = piece(building, one.bytes);
  },
  'uploads.append': (building, draft) => {
    const id = /uop_[0-9A-Z]{26}/.exec(draft.path)?.[0] ?? '';
    const { whole, offset, tus } = building.pool.upload(id) ?? {
      whole: building.chance.bytes(300),
      offset: 0,
      tus: true,
    };
    draft.headers = draft.headers.filter(([name]) => !/^(upload-|tus-|content-|repr-)/i.test(name));
    draft.bytes = piece(building, whole, offset);
    const last = offset + draft.bytes.length === whole.length;
    set(draft, 'content-type', tus ? 'application/offset+octet-stream' : 'application/partial-upload');
    set(draft, 'upload-offset', String(offset));
    if (tus) set(draft, 'tus-resumable', '1.0.0');
    else set(draft, 'upload-complete', last ? '?1' : '?0');
  },
};

/** Each protocol asks for its own uploads, mostly. */
function forProtocol(chance: Chance, pool: Pool, draft: Draft): void {
  const id = /uop_[0-9A-Z]{26}/.exec(draft.path)?.[0] ?? '';
  if (pool.upload(id)?.tus === false && !chance.once(4)) draft.headers = [];
}

function paste(chance: Chance, draft: Draft): void {
  const asProof = draft.headers.some(([name]) => name === 'X-Paste-Access-Hash');
  if (asProof) draft.headers = draft.headers.filter(([name]) => name !== 'X-Paste-Password');
  if (chance.once(2)) {
    set(draft, 'content-type', 'application/json');
    const { content, content_b64, ...rest } = draft.json as Record<string, unknown>;
    const text = content ?? `a text ${chance.below(1_000_000)}`;
    draft.json = { ...rest, ...(content_b64 === undefined ? { content: text } : { content_b64 }) };
    return;
  }
  delete draft.json;
  set(draft, 'content-type', chance.of(['application/octet-stream', 'text/plain', 'image/png']));
  draft.bytes = chance.bytes(chance.of([16, 300, 5000, 70_000]));
}

/** The request for an operation that nothing is wrong with, as far as the pool has what it needs. */
export async function build(building: Building, one: Operation): Promise<Draft> {
  const { chance } = building;
  const path = filledPath(building, one);
  const draft: Draft = { method: one.method, path, query: [], headers: [] };
  for (const { name, required } of one.headers) {
    if (!required && !chance.once(OPTIONAL_ONCE_IN) && !USUAL.has(name)) continue;
    const value = headerValue(building, name, path);
    if (value !== undefined) draft.headers.push([name, value]);
  }
  if (/\.(list|accounts|pastes|audit|unowned|incidents|read)(\.head)?$/.test(one.id) && chance.once(2))
    draft.query = queryValue(building).map(([name, value]) => [name, value]);
  if (one.json !== undefined) {
    draft.json = documentOf(building, one.json, incidentOf(path));
    draft.headers.push(['content-type', 'application/json']);
  }
  if (one.fields.length > 0) {
    draft.fields = one.fields
      .filter((name) => name !== 'csrf_token')
      .map((name) => [name, String(memberValue(building, name, undefined) ?? `text ${chance.below(100)}`)]);
    draft.headers.push(['content-type', 'application/x-www-form-urlencoded']);
  }
  await SPECIAL[one.id]?.(building, draft);
  return draft;
}
