/** What may be done with pastes, and what comes of it. */
import { equalText } from '../crypto/compare.ts';
import { hex } from '../crypto/hash.ts';
import { hashPassword } from '../crypto/passwords.ts';
import { deleteToken, encodePasteId, idempotentPasteId, pasteRef, tokenHash } from '../crypto/tokens.ts';
import type { Bytes, CreatePaste, FirstAnswer, Paste, PasteAccess } from '../store/store.ts';
import type { Deps } from './deps.ts';
import { errorFields, Fault, secondsUntil } from './faults.ts';
import { peerNetwork } from './limiter.ts';
import { requireAccess } from './paste-access.ts';
import { type ReceivedPaste, receivePaste } from './paste-intake.ts';
import {
  idempotencyKey,
  type PasteOptions,
  pasteOptions,
  type RawPasteOptions,
  type WantedAccess,
} from './paste-options.ts';
import { admitWork, type OfferedWork } from './paste-work.ts';
import { discardAfter } from './receive.ts';
import { sealedEnough } from './sealed-check.ts';
import type { ByteSource } from './source.ts';
import type { Visitor } from './visitor.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** How long the one reading of a large burn paste may take before a sweep erases what is left of it. */
const CLAIM_LIFETIME_MS = 60 * 60 * 1000;
/** A replacement between looking and acting makes us look again; more than this many in a row is not a person. */
const LOOKS = 4;

/** A create up to its body: what the headers alone decide. */
export interface CreateRequest {
  readonly work: OfferedWork;
  readonly idempotency?: {
    /** As it came. */
    readonly key: string;
    /** Everything that distinguishes this create from another one under the same key, apart from its bytes. */
    readonly fingerprint: string;
  };
}

/** Permission to send the body. */
export interface Admission {
  readonly owner?: string;
  readonly limitBytes: number;
  /** `scopedKey`: the key, and whose it is. */
  readonly idempotency?: { readonly scopedKey: string; readonly fingerprint: string };
  readonly work?: NonNullable<CreatePaste['work']>;
}

export interface CreatedPaste extends FirstAnswer {
  readonly id: string;
  readonly deleteToken: string;
  readonly replayed: boolean;
}

const limitFor = (deps: Deps, owner: string | undefined) =>
  owner === undefined ? deps.settings.paste.maxBytesAnonymous : deps.settings.paste.maxBytesIdentified;

/** @throws Fault `client_certificate_required` where only identified visitors may store */
function requireIdentity(deps: Deps, { owner }: Visitor): void {
  if (deps.settings.paste.create === 'identified' && owner === undefined) {
    throw new Fault('client_certificate_required');
  }
}

/**
 * Decides, before a byte of the body is read, whether this visitor may create at all.
 * @throws Fault `client_certificate_required`, `invalid_idempotency_key`, `pow_required`, `pow_invalid`
 */
export async function admitCreate(deps: Deps, visitor: Visitor, request: CreateRequest): Promise<Admission> {
  const { owner } = visitor;
  requireIdentity(deps, visitor);
  const scope = () => (owner === undefined ? `peer ${peerNetwork(visitor.address)}` : `owner ${owner}`);
  const idempotency = request.idempotency && {
    scopedKey: `${scope()}\n${idempotencyKey(request.idempotency.key)}`,
    fingerprint: request.idempotency.fingerprint,
  };
  const alreadyDone = async () =>
    idempotency !== undefined &&
    deps.store.pastes.knowsReplay(deps.keys.macHex('idempotency-key', idempotency.scopedKey), deps.now());
  const work = await admitWork(deps, visitor, request.work, alreadyDone);
  return {
    limitBytes: limitFor(deps, owner),
    ...(owner !== undefined && { owner }),
    ...(idempotency && { idempotency }),
    ...(work && { work }),
  };
}

async function storedAccess(deps: Deps, access: WantedAccess | undefined): Promise<PasteAccess | undefined> {
  if (access?.kind !== 'password') return access;
  return { kind: 'password', phc: await hashPassword(deps.hasher.argon2id, access.password, deps.random) };
}

/** Whether equal contents are counted. */
const counted = (deps: Deps) => deps.settings.paste.dedupMax > 0;

function dedupOf(deps: Deps, received: ReceivedPaste) {
  const { dedupMax: max, dedupWindowMs: windowMs } = deps.settings.paste;
  if (!counted(deps)) return {};
  return { dedup: { contentHash: deps.keys.macHex('content-dedup', received.sha256), max, windowMs } };
}

function requireSealed(deps: Deps, received: ReceivedPaste): void {
  const { minEntropy } = deps.settings.paste;
  if (minEntropy > 0 && !sealedEnough(received.found, minEntropy)) throw new Fault('not_sealed');
}

/** Reads the body and makes it a paste in one commit, or says why not; then nothing of it is kept. */
export async function createPaste(
  deps: Deps,
  admission: Admission,
  source: ByteSource,
  raw: RawPasteOptions,
): Promise<CreatedPaste> {
  const options = pasteOptions(raw, deps.settings);
  const hashed = counted(deps) || admission.idempotency !== undefined;
  const received = await receivePaste(deps, source, admission.limitBytes, hashed);
  try {
    requireSealed(deps, received);
    const created = await commit(deps, admission, received, options, () => source.sentAs ?? received.sha256);
    // Of a create that was done before, nothing was adopted.
    if (created.replayed) await received.discard().catch(() => {});
    return created;
  } catch (error) {
    await discardAfter(deps, error, received);
    throw error;
  }
}

async function commit(
  deps: Deps,
  admission: Admission,
  received: ReceivedPaste,
  options: PasteOptions,
  sentSha256: () => Bytes,
): Promise<CreatedPaste> {
  const { owner, idempotency, work } = admission;
  const access = await storedAccess(deps, options.access);
  const now = deps.now();
  const nonce = idempotency ? hex(deps.random(16)) : '';
  const scopedKey = idempotency?.scopedKey ?? '';
  const id = idempotency ? idempotentPasteId(deps.keys, nonce, scopedKey) : encodePasteId(deps.random(16));
  const token = deleteToken(deps.keys, id);
  const { mimeType, sealed } = received.found;
  const expirySeconds = options.expirySeconds ?? deps.settings.paste.defaultExpirySeconds;
  const expiresAt = now + expirySeconds * 1000;
  const burn = options.burn ?? false;
  const outcome = await deps.store.pastes.create({
    now,
    quotaBytes: deps.settings.paste.storageQuotaBytes,
    paste: {
      ref: pasteRef(id),
      pending: received.pending,
      mimeType,
      sealed,
      burn,
      deleteTokenHash: tokenHash(token),
      createdAt: now,
      expiresAt,
      ...(access && { access }),
      ...(owner !== undefined && { owner }),
    },
    ...dedupOf(deps, received),
    ...(work && { work }),
    ...(idempotency && {
      replay: {
        keyHash: deps.keys.macHex('idempotency-key', scopedKey),
        fingerprint: deps.keys.macHex(
          'idempotency-fingerprint',
          `${idempotency.fingerprint}\n${hex(sentSha256())}`,
        ),
        nonce,
        expiresAt: now + DAY_MS,
      },
    }),
  });
  switch (outcome.kind) {
    case 'created': {
      deps.metrics.add('flaskpaste_pastes_created', 1);
      const made = {
        size: received.size,
        mimeType,
        burn,
        protected: access !== undefined,
        createdAt: now,
        expiresAt,
      };
      return { id, deleteToken: token, replayed: false, ...made, ...(owner !== undefined && { owner }) };
    }
    case 'replayed': {
      const first = idempotentPasteId(deps.keys, outcome.nonce, scopedKey);
      return { id: first, deleteToken: deleteToken(deps.keys, first), replayed: true, ...outcome.first };
    }
    case 'conflict':
      throw new Fault('idempotency_conflict');
    case 'work_spent':
      throw new Fault('pow_invalid');
    default:
      throw refusal(outcome, now);
  }
}

function refusal(
  outcome: { kind: 'duplicate'; freeAt: number } | { kind: 'quota' } | { kind: 'lost' },
  now: number,
) {
  switch (outcome.kind) {
    case 'duplicate':
      return new Fault('duplicate_content', { retryAfterSeconds: secondsUntil(outcome.freeAt, now) });
    case 'quota':
      return new Fault('storage_quota_exceeded');
    case 'lost':
      // The upload took longer than staged bytes live; only sending it again helps.
      return new Fault('storage_unavailable', { retryAfterSeconds: 1 });
  }
}

/** Metadata. Never burns. @throws Fault `paste_not_found` and those of {@link requireAccess} */
export async function describePaste(
  deps: Deps,
  visitor: Visitor,
  id: string,
  secret: string | null,
): Promise<Paste> {
  const paste = await deps.store.pastes.find(pasteRef(id), deps.now());
  if (paste === undefined) throw new Fault('paste_not_found');
  await requireAccess(deps, visitor, paste, secret);
  return paste;
}

/** The conditions under which a burn paste is not sent, since sending it once is all there is. */
export interface ReadConditions {
  readonly range: boolean;
  readonly ifNoneMatch: boolean;
  readonly prefetch: boolean;
}

export interface ReadPaste {
  readonly paste: Paste;
  /** Small bytes at once, large ones as a stream; at the end of a claimed stream nothing of it is left. */
  readonly body: Bytes | (() => ReadableStream<Bytes>);
}

/** The bytes. A burn paste is given to exactly one caller, over all processes, and then it is gone. */
export async function readPaste(
  deps: Deps,
  visitor: Visitor,
  id: string,
  secret: string | null,
  conditions: ReadConditions,
): Promise<ReadPaste> {
  const { pastes } = deps.store;
  const ref = pasteRef(id);
  for (let look = 0; look < LOOKS; look += 1) {
    const seen = await pastes.look(ref, deps.now());
    if (seen === undefined) throw new Fault('paste_not_found');
    const { paste } = seen;
    await requireAccess(deps, visitor, paste, secret);
    if (paste.burn) {
      if (conditions.range) throw new Fault('range_not_satisfiable', { totalBytes: paste.size });
      if (conditions.ifNoneMatch) throw new Fault('precondition_failed');
      if (conditions.prefetch) throw new Fault('too_early');
      const now = deps.now();
      const claimed = await pastes.claim(ref, paste.revision, now, now + CLAIM_LIFETIME_MS);
      if (claimed !== undefined) {
        deps.metrics.add('sallyport_pastes_burned_total', 1);
        deps.metrics.add('flaskpaste_pastes_deleted', 1);
        return bytesOf(deps, claimed.paste, claimed.body, true);
      }
    } else if (await noted(deps, paste)) {
      if (seen.body !== undefined || paste.blob !== undefined) return bytesOf(deps, paste, seen.body, false);
      const opened = await pastes.open(ref, paste.revision, deps.now());
      if (opened !== undefined) return bytesOf(deps, opened.paste, opened.body, false);
    }
  }
  throw new Fault('paste_not_found');
}

/**
 * Where somebody wants to know of reads, this one is written down before a byte of it leaves.
 * @returns false when there is another revision by now, or none
 */
async function noted(deps: Deps, { ref, revision }: Paste): Promise<boolean> {
  try {
    return (await deps.store.pastes.noteRead?.(ref, revision, deps.now())) ?? true;
  } catch (thrown) {
    // A disk that is full, or a database that only reads: people go on reading.
    deps.log.write('error', 'a read could not be written down for webhooks', errorFields(thrown));
    deps.metrics.add('sallyport_webhook_reads_unnoted_total', 1);
    return true;
  }
}

function bytesOf(deps: Deps, paste: Paste, body: Bytes | undefined, claimed: boolean): ReadPaste {
  if (body !== undefined) return { paste, body };
  const blob = paste.blob ?? '';
  return { paste, body: () => segments(deps, blob, paste.size, claimed) };
}

/** The segments of a blob in order, one at a time, erased as they leave when the blob was claimed. */
function segments(deps: Deps, blob: string, size: number, claimed: boolean): ReadableStream<Bytes> {
  const { blobs } = deps;
  let index = 0;
  let sent = 0;
  const letGo = async () => {
    if (claimed) await blobs.discard(blob).catch(() => {}); // a sweep removes what cannot be removed now
  };
  return new ReadableStream<Bytes>(
    {
      async pull(controller) {
        const bytes = await (claimed ? blobs.take(blob, index) : blobs.read(blob, index));
        // Deleted or replaced meanwhile: an error, so that the reader does not take a part for the whole.
        if (bytes === undefined) throw new Fault('paste_not_found');
        index += 1;
        sent += bytes.length;
        controller.enqueue(bytes);
        if (sent >= size) {
          await letGo();
          controller.close();
        }
      },
      cancel: letGo,
    },
    { highWaterMark: 0 },
  );
}

/** Who may change or delete a paste: whoever holds its delete token, or the certificate that created it. */
function mayManage(visitor: Visitor, token: string | null, paste: Paste): boolean {
  const holdsToken = token !== null && equalText(tokenHash(token), paste.deleteTokenHash);
  return holdsToken || (paste.owner !== undefined && paste.owner === visitor.owner);
}

async function managed(deps: Deps, visitor: Visitor, id: string, token: string | null): Promise<Paste> {
  const paste = await deps.store.pastes.find(pasteRef(id), deps.now());
  if (paste === undefined) throw new Fault('paste_not_found');
  if (!mayManage(visitor, token, paste)) throw new Fault('not_owner');
  return paste;
}

/** Asked before the body is read. @throws Fault `paste_not_found`, `not_owner` */
export async function admitReplace(
  deps: Deps,
  visitor: Visitor,
  id: string,
  token: string | null,
): Promise<void> {
  await managed(deps, visitor, id, token);
  requireIdentity(deps, visitor);
}

/** New bytes under the old id. Options that are absent keep what is stored. */
export async function replacePaste(
  deps: Deps,
  visitor: Visitor,
  id: string,
  token: string | null,
  source: ByteSource,
  raw: RawPasteOptions,
): Promise<Paste> {
  const options = pasteOptions(raw, deps.settings);
  const received = await receivePaste(deps, source, limitFor(deps, visitor.owner), counted(deps));
  try {
    requireSealed(deps, received);
    const access = await storedAccess(deps, options.access);
    for (let look = 0; look < LOOKS; look += 1) {
      const { ref, revision } = await managed(deps, visitor, id, token);
      const now = deps.now();
      const outcome = await deps.store.pastes.replace({
        ref,
        revision,
        now,
        pending: received.pending,
        mimeType: received.found.mimeType,
        sealed: received.found.sealed,
        quotaBytes: deps.settings.paste.storageQuotaBytes,
        ...(options.burn !== undefined && { burn: options.burn }),
        ...(access && { access }),
        ...(options.expirySeconds !== undefined && { expiresAt: now + options.expirySeconds * 1000 }),
        ...dedupOf(deps, received),
      });
      if (outcome.kind === 'replaced') return outcome.paste;
      if (outcome.kind !== 'stale') throw refusal(outcome, now);
    }
    throw new Fault('service_busy', { retryAfterSeconds: 1 });
  } catch (error) {
    await discardAfter(deps, error, received);
    throw error;
  }
}

/** Deletes. @throws Fault `paste_not_found`, `not_owner` */
export async function deletePaste(
  deps: Deps,
  visitor: Visitor,
  id: string,
  token: string | null,
): Promise<void> {
  const paste = await managed(deps, visitor, id, token);
  if (!(await deps.store.pastes.remove(paste.ref, deps.now()))) throw new Fault('paste_not_found');
  deps.metrics.add('flaskpaste_pastes_deleted', 1);
  // Best effort for the bytes of a large one; the row that named them is gone, and a sweep takes the rest.
  if (paste.blob !== undefined) await deps.blobs.discard(paste.blob).catch(() => {});
}
