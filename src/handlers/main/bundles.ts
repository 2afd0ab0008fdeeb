/** The bundle room of the main door: what its owner takes along of an incident. */
import { auditEntry, type Origin, type Subject } from '../../core/audit.ts';
import { type Bundle, ownIncidentBundle, ownStreamBundle } from '../../core/bundles.ts';
import type { Deps } from '../../core/deps.ts';
import { BUNDLE_ANSWERS, BUNDLE_ASKED, BUNDLE_REPLY_FAULTS, bundleReply } from '../kit/download.ts';
import type { Reply } from '../kit/reply.ts';
import { productRoute } from '../kit/route.ts';
import { account } from '../kit/session.ts';
import { originOf } from './origin.ts';

/**
 * Answers with a bundle. A GET that gets bytes is audited before the first of them leaves.
 * @param origin who asked
 * @param subject the incident, and the stream or the link
 */
export async function sendBundle(
  deps: Deps,
  request: Request,
  bundle: Bundle,
  origin: Origin,
  subject: Subject,
): Promise<Reply> {
  const reply = bundleReply(request, bundle);
  if (request.method === 'GET')
    await deps.store.audit.append(auditEntry(deps, origin, 'bundle_download', 'ok', subject));
  return reply;
}

export const streamDownload = productRoute({
  id: 'bundles.stream',
  method: 'GET',
  path: '/v1/incidents/:id/streams/:stream_id/download',
  limit: 'download',
  gate: account,
  params: ({ id = '', stream_id: streamId = '' }) => ({ id, streamId }),
  summary: 'A complete stream as a ZIP archive: its manifest and its sealed chunks.',
  headers: BUNDLE_ASKED,
  answers: BUNDLE_ANSWERS,
  faults: [
    ...BUNDLE_REPLY_FAULTS,
    'incident_not_found',
    'incident_deleting',
    'stream_not_found',
    'stream_not_complete',
  ],
  async reply({ deps, request, who, params: { id, streamId } }) {
    const bundle = await ownStreamBundle(deps, who.live, id, streamId);
    const subject = { incidentId: id, subjectId: streamId };
    return sendBundle(deps, request, bundle, originOf(who, 'download'), subject);
  },
});

export const incidentDownload = productRoute({
  id: 'bundles.incident',
  method: 'GET',
  path: '/v1/incidents/:id/download',
  limit: 'download',
  gate: account,
  params: ({ id = '' }) => ({ id }),
  summary: 'Every complete stream of an incident as one ZIP archive, with a manifest of the incident.',
  headers: BUNDLE_ASKED,
  answers: BUNDLE_ANSWERS,
  faults: [...BUNDLE_REPLY_FAULTS, 'incident_not_found', 'incident_deleting', 'incident_bundle_inconsistent'],
  async reply({ deps, request, who, params: { id } }) {
    const bundle = await ownIncidentBundle(deps, who.live, id);
    return sendBundle(deps, request, bundle, originOf(who, 'download'), { incidentId: id });
  },
});

export const bundleRoutes = [streamDownload, incidentDownload];
