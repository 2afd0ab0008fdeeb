/** Rows of pastes: columns, and what they stand for. */
import type { OpenedPaste, Paste, PasteAccess, PendingBytes } from '../store.ts';
import type { Row } from './rows.ts';

/** Every column of `pastes` but the bytes. */
export const COLUMNS =
  'ref, size, mime_type, sealed, burn, access_kind, access_value, owner, delete_token_hash, ' +
  'created_at, expires_at, revision, blob';

function accessOf(row: Row): PasteAccess | undefined {
  const kind = row.optionalText('access_kind');
  if (kind === undefined) return undefined;
  return kind === 'password'
    ? { kind: 'password', phc: row.text('access_value') }
    : { kind: 'proof', sha256: row.text('access_value') };
}

/** Values for the columns access_kind and access_value. */
export function accessColumns(access: PasteAccess | undefined): [string | null, string | null] {
  if (access === undefined) return [null, null];
  return [access.kind, access.kind === 'password' ? access.phc : access.sha256];
}

/** What a reader and an operator may both know of a paste. */
export function factsOf(row: Row) {
  const owner = row.optionalText('owner');
  return {
    ref: row.text('ref'),
    size: row.number('size'),
    mimeType: row.text('mime_type'),
    sealed: row.flag('sealed'),
    burn: row.flag('burn'),
    createdAt: row.number('created_at'),
    expiresAt: row.number('expires_at'),
    ...(owner !== undefined && { owner }),
  };
}

/** Reads what {@link COLUMNS} selects. */
export function pasteOf(row: Row): Paste {
  const access = accessOf(row);
  const blob = row.optionalText('blob');
  return {
    ...factsOf(row),
    deleteTokenHash: row.text('delete_token_hash'),
    revision: row.number('revision'),
    ...(access && { access }),
    ...(blob !== undefined && { blob }),
  };
}

/** The same, with the bytes where `body` holds them. */
export function openedOf(row: Row): OpenedPaste {
  const body = row.optionalBytes('body');
  return body === undefined ? { paste: pasteOf(row) } : { paste: pasteOf(row), body };
}

/** Values for the columns blob and body. */
export function placed(pending: PendingBytes): [string | null, Uint8Array<ArrayBuffer> | null] {
  return pending.kind === 'inline' ? [null, pending.bytes] : [pending.blob, null];
}
