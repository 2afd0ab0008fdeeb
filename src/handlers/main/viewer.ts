/**
 * The viewer room of the main door: what the holder of a link sees, without an account. Reads alone.
 *
 * Whatever is wrong with a link is one answer, byte for byte, which is why no refusal here has the request id in its
 * body.
 */
import type { Origin } from '../../core/audit.ts';
import type { Deps } from '../../core/deps.ts';
import type { Fault, FaultKind } from '../../core/faults.ts';
import type { ViewerLimitClass } from '../../core/settings.ts';
import {
  type SeenBundle,
  viewerData,
  viewerIncidentBundle,
  viewerPage,
  viewerPayload,
  viewerStreamBundle,
  WARNING,
} from '../../core/viewer.ts';
import { utf8 } from '../../crypto/hash.ts';
import { prefers } from '../kit/accept.ts';
import { BUNDLE_ANSWERS, BUNDLE_ASKED, BUNDLE_REPLY_FAULTS } from '../kit/download.ts';
import { answerOf, errorReply } from '../kit/errors.ts';
import { json, type Reply } from '../kit/reply.ts';
import { anyone, mainRoute, type Refuse, type Route } from '../kit/route.ts';
import { viewerPage as pageOf, viewerNotice } from '../pages/viewer.ts';
import { sendBundle } from './bundles.ts';
import { dataView, locationView, payloadView, ViewerData, ViewerPayload } from './viewer-view.ts';

const HTML_TYPE = 'text/html; charset=utf-8';
const JSON_TYPE = 'application/json';

/** Any text at all: one that cannot be a token is looked up and not found, like any other. */
const anyToken = ({ token = '' }: Readonly<Record<string, string>>) => ({ token });

/** The refusal without a request id. */
const refuseAlike: Refuse = (fault) => errorReply(fault);

type Notice = readonly [title: string, sentence: string];

const INVALID: Notice = [
  'This link does not work',
  'It is not right, has expired, or was revoked. Ask the person who gave it to you for a new one.',
];
const BUSY: Notice = [
  'Please wait a moment',
  'This page was opened too often in a short time. Wait a minute, then reload it.',
];
const TROUBLE: Notice = [
  'Not available right now',
  'The server cannot show this page at the moment. Reload it in a minute. What was saved is not affected.',
];

const NOTICES: Readonly<Partial<Record<FaultKind, Notice>>> = {
  incident_token_invalid: INVALID,
  rate_limited: BUSY,
};

function noticeReply(fault: Fault): Reply {
  const [title, sentence] = NOTICES[fault.kind] ?? TROUBLE;
  const { headers } = errorReply(fault);
  return {
    status: answerOf(fault.kind).status,
    headers: { ...headers, 'content-type': HTML_TYPE },
    body: utf8(viewerNotice(WARNING, title, sentence)),
  };
}

/** For a person with a browser a page, for everybody else JSON. */
const refuseForPeople: Refuse = (fault, _requestId, { headers }) =>
  prefers(headers.get('accept'), 'text/html') ? noticeReply(fault) : errorReply(fault);

/** What all routes of a link have in common. */
const common = <Limit extends ViewerLimitClass>(limit: Limit) =>
  ({
    method: 'GET',
    limit,
    gate: anyone,
    refuse: refuseAlike,
    refusedAs: [JSON_TYPE],
    missing: 'incident_token_invalid',
  }) as const;

export const page = mainRoute({
  ...common('viewer_page'),
  id: 'viewer.page',
  path: '/i/:token',
  params: anyToken,
  summary: 'The page of a viewer link: how an incident stands, for a person without an account.',
  headers: { Accept: { description: 'text/html makes a refusal a page.' } },
  answers: { 200: { description: 'The page.', types: [HTML_TYPE] } },
  faults: ['incident_token_invalid'],
  refuse: refuseForPeople,
  refusedAs: [JSON_TYPE, HTML_TYPE],
  async reply({ deps, params: { token } }) {
    const now = deps.now();
    const { seen, location } = await viewerPage(deps, token, now);
    const text = pageOf(dataView(seen, now), locationView(location), token);
    return { status: 200, headers: { 'content-type': HTML_TYPE }, body: utf8(text) };
  },
});

export const data = mainRoute({
  ...common('viewer_data'),
  id: 'viewer.data',
  path: '/i/:token/data',
  params: anyToken,
  summary: 'How an incident stands: what the page of the link shows and polls for.',
  answers: { 200: { description: 'How it stands.', schema: ViewerData } },
  faults: ['incident_token_invalid'],
  async reply({ deps, params: { token } }) {
    const now = deps.now();
    return json(200, dataView(await viewerData(deps, token, now), now));
  },
});

export const payload = mainRoute({
  ...common('viewer_data'),
  id: 'viewer.payload',
  path: '/i/:token/viewer-payload',
  params: anyToken,
  summary: 'The newest check-in of an incident and its newest location, without its recordings.',
  answers: { 200: { description: 'How it stands.', schema: ViewerPayload } },
  faults: ['incident_token_invalid'],
  async reply({ deps, params: { token } }) {
    const now = deps.now();
    const { seen, location } = await viewerPayload(deps, token, now);
    return json(200, payloadView(seen, location, now));
  },
});

const ORIGIN: Origin = { listener: 'main', routeClass: 'viewer_download', actorKind: 'viewer' };

/** Recorded under the id of the link, which names nobody and opens nothing. */
function send(deps: Deps, request: Request, { seen, bundle }: SeenBundle): Promise<Reply> {
  return sendBundle(deps, request, bundle, ORIGIN, {
    subjectId: seen.tokenId,
    incidentId: seen.incident.id,
  });
}

export const streamDownload = mainRoute({
  ...common('viewer_download'),
  id: 'viewer.stream_download',
  path: '/i/:token/streams/:stream_id/download',
  params: ({ token = '', stream_id: streamId = '' }) => ({ token, streamId }),
  summary: 'A complete stream as a ZIP archive: its manifest and its sealed chunks.',
  headers: BUNDLE_ASKED,
  answers: BUNDLE_ANSWERS,
  faults: [...BUNDLE_REPLY_FAULTS, 'incident_token_invalid', 'stream_not_found', 'stream_not_complete'],
  async reply({ deps, request, params: { token, streamId } }) {
    return send(deps, request, await viewerStreamBundle(deps, token, streamId, deps.now()));
  },
});

export const incidentDownload = mainRoute({
  ...common('viewer_download'),
  id: 'viewer.incident_download',
  path: '/i/:token/incident/download',
  params: anyToken,
  summary: 'Every complete stream of the incident as one ZIP archive, with a manifest of the incident.',
  headers: BUNDLE_ASKED,
  answers: BUNDLE_ANSWERS,
  faults: [...BUNDLE_REPLY_FAULTS, 'incident_token_invalid', 'incident_bundle_inconsistent'],
  async reply({ deps, request, params: { token } }) {
    return send(deps, request, await viewerIncidentBundle(deps, token, deps.now()));
  },
});

export const viewerRoutes = [page, data, payload, streamDownload, incidentDownload];

/** The old form of links, `/e/{token}`: in a table only where the settings ask for it, and never handed out. */
export const legacyViewerRoutes: readonly Route<'main'>[] = [
  page,
  data,
  streamDownload,
  incidentDownload,
].map((route) => ({
  ...route,
  id: route.id.replace('viewer.', 'viewer_legacy.'),
  path: route.path.replace(/^\/i\//, '/e/'),
}));
