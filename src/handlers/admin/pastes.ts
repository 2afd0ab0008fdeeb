/** Pastes and sums, as JSON for an admin: refs, sizes and times, never content, and never an id. */
import * as v from 'valibot';
import { incidentSums } from '../../core/operator-incidents.ts';
import { cleanUp, deletePasteByRef, listPastes, pasteStats } from '../../core/operator-pastes.ts';
import { VERSION } from '../../core/version.ts';
import type { ListedPaste } from '../../store/listing.ts';
import { json } from '../kit/reply.ts';
import { adminRoute, noParams } from '../kit/route.ts';
import { adminApi } from '../kit/session.ts';
import { timestamp } from '../kit/time.ts';
import { adminOrigin } from './origin.ts';

const CLASS = 'admin_json';
const time = v.pipe(v.string(), v.isoTimestamp());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const ListedPasteView = v.strictObject({
  ref: v.string(),
  size: count,
  mime_type: v.string(),
  sealed: v.boolean(),
  burn_after_read: v.boolean(),
  password_protected: v.boolean(),
  owner: v.optional(v.string()),
  created_at: time,
  expires_at: time,
});

function listedView(paste: ListedPaste): v.InferOutput<typeof ListedPasteView> {
  return {
    ref: paste.ref,
    size: paste.size,
    mime_type: paste.mimeType,
    sealed: paste.sealed,
    burn_after_read: paste.burn,
    password_protected: paste.protected,
    ...(paste.owner !== undefined && { owner: paste.owner }),
    created_at: timestamp(paste.createdAt),
    expires_at: timestamp(paste.expiresAt),
  };
}

export const stats = adminRoute({
  id: 'stats.read',
  method: 'GET',
  path: '/admin/api/stats',
  limit: CLASS,
  gate: adminApi,
  params: noParams,
  summary: 'Sums.',
  answers: {
    200: {
      description: 'Sums.',
      schema: v.strictObject({
        pastes: v.strictObject({
          count,
          bytes: count,
          burn_pending: count,
          expired_pending: count,
          created_24h: count,
        }),
        incidents: v.strictObject({
          count,
          open: count,
          closed: count,
          unowned: count,
          bytes: count,
          deletion_pending: count,
          deleting: count,
          deletion_failed: count,
          deleted: count,
        }),
        storage: v.strictObject({ bytes: count }),
        uptime_seconds: count,
        version: v.string(),
      }),
    },
  },
  faults: [],
  async reply({ deps }) {
    const [sums, incidents] = await Promise.all([pasteStats(deps), incidentSums(deps)]);
    return json(200, {
      pastes: {
        count: sums.count,
        bytes: sums.bytes,
        burn_pending: sums.burnPending,
        expired_pending: sums.expiredPending,
        created_24h: sums.createdSince,
      },
      incidents: {
        count: incidents.count,
        open: incidents.open,
        closed: incidents.closed,
        unowned: incidents.unowned,
        bytes: incidents.bytes,
        deletion_pending: incidents.deletionPending,
        deleting: incidents.deleting,
        deletion_failed: incidents.deletionFailed,
        deleted: incidents.deleted,
      },
      storage: { bytes: sums.storageBytes },
      uptime_seconds: Math.max(0, Math.floor((deps.now() - deps.startedAt) / 1000)),
      version: VERSION,
    });
  },
});

export const cleanup = adminRoute({
  id: 'pastes.cleanup',
  method: 'POST',
  path: '/admin/api/cleanup',
  limit: CLASS,
  gate: adminApi,
  params: noParams,
  summary: 'Remove at once what a sweep would remove.',
  answers: {
    200: {
      description: 'Removed.',
      schema: v.strictObject({ pastes_removed: count, bytes_freed: count }),
    },
  },
  faults: [],
  async reply({ deps, who }) {
    const { pastesRemoved, bytesFreed } = await cleanUp(deps, adminOrigin(who, CLASS));
    return json(200, { pastes_removed: pastesRemoved, bytes_freed: bytesFreed });
  },
});

export const list = adminRoute({
  id: 'pastes.list',
  method: 'GET',
  path: '/admin/api/pastes',
  limit: CLASS,
  gate: adminApi,
  params: noParams,
  summary: 'Pastes in the order of their refs; cursor and limit page through them.',
  answers: {
    200: {
      description: 'A page of pastes.',
      schema: v.strictObject({ pastes: v.array(ListedPasteView), cursor: v.optional(v.string()) }),
    },
  },
  faults: ['invalid_cursor', 'invalid_limit'],
  async reply({ deps, request }) {
    const { searchParams } = new URL(request.url);
    const page = await listPastes(deps, searchParams.get('cursor'), searchParams.get('limit'));
    return json(200, {
      pastes: page.pastes.map(listedView),
      ...(page.cursor !== undefined && { cursor: page.cursor }),
    });
  },
});

export const remove = adminRoute({
  id: 'pastes.remove-by-ref',
  method: 'DELETE',
  path: '/admin/api/pastes/:ref',
  limit: CLASS,
  gate: adminApi,
  params: ({ ref = '' }) => ({ ref }),
  summary: 'Delete a paste by its ref or its id.',
  answers: {
    200: { description: 'Gone.', schema: v.strictObject({ ref: v.string(), deleted: v.literal(true) }) },
  },
  faults: ['paste_not_found'],
  async reply({ deps, who, params: { ref } }) {
    return json(200, { ref: await deletePasteByRef(deps, adminOrigin(who, CLASS), ref), deleted: true });
  },
});

export const pasteRoutes = [stats, cleanup, list, remove];
