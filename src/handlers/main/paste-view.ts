/** Pastes as they look on the wire. */
import * as v from 'valibot';
import type { Deps } from '../../core/deps.ts';
import type { CreatedPaste } from '../../core/pastes.ts';
import type { Visitor } from '../../core/visitor.ts';
import type { Paste } from '../../store/store.ts';
import { timestamp } from '../kit/time.ts';

const common = {
  id: v.pipe(v.string(), v.regex(/^[0-9a-hjkmnp-tv-z]{26}$/)),
  url: v.string(),
  raw: v.string(),
  size: v.pipe(v.number(), v.integer(), v.minValue(1)),
  mime_type: v.string(),
  created_at: v.pipe(v.string(), v.isoTimestamp()),
  expires_at: v.pipe(v.string(), v.isoTimestamp()),
  burn_after_read: v.boolean(),
  password_protected: v.boolean(),
  owner: v.optional(v.string()),
};

export const CreatedPasteView = v.strictObject({ ...common, delete_token: v.string() });
export const PasteView = v.strictObject({ ...common, sealed: v.boolean(), hint: v.optional(v.string()) });

/** Where a path below the prefix lies for the outside: never taken from what a request says of itself. */
export function linkTo(deps: Deps, path: string): string {
  return `${deps.origin ?? ''}${deps.settings.urlPrefix}${path}`;
}

const links = (deps: Deps, id: string) => ({ url: linkTo(deps, `/${id}`), raw: linkTo(deps, `/${id}/raw`) });

export function createdView(deps: Deps, paste: CreatedPaste): v.InferOutput<typeof CreatedPasteView> {
  return {
    id: paste.id,
    ...links(deps, paste.id),
    size: paste.size,
    mime_type: paste.mimeType,
    created_at: timestamp(paste.createdAt),
    expires_at: timestamp(paste.expiresAt),
    burn_after_read: paste.burn,
    password_protected: paste.protected,
    ...(paste.owner !== undefined && { owner: paste.owner }),
    delete_token: paste.deleteToken,
  };
}

export function pasteView(
  deps: Deps,
  visitor: Visitor,
  id: string,
  paste: Paste,
): v.InferOutput<typeof PasteView> {
  const client = linkTo(deps, '/client');
  return {
    id,
    ...links(deps, id),
    size: paste.size,
    mime_type: paste.mimeType,
    created_at: timestamp(paste.createdAt),
    expires_at: timestamp(paste.expiresAt),
    burn_after_read: paste.burn,
    password_protected: paste.access !== undefined,
    sealed: paste.sealed,
    ...(paste.owner !== undefined && paste.owner === visitor.owner && { owner: paste.owner }),
    ...(paste.sealed && {
      hint: `This paste is sealed and opens on your own machine only: get the client from ${client} and run it as node fpaste get with the whole link.`,
    }),
  };
}
