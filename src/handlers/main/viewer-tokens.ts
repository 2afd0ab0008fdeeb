/** The room of the main door where an owner makes viewer links, and takes them back. */
import * as v from 'valibot';
import {
  createViewerToken,
  listViewerTokens,
  readViewerToken,
  revokeViewerToken,
  stateOf,
} from '../../core/viewer-tokens.ts';
import type { ViewerToken } from '../../store/viewing.ts';
import { JSON_FAULTS, readOptionalFields } from '../kit/body.ts';
import { PAGE_HEADERS, PAGING_FAULTS, pageHeaders, pagingIn } from '../kit/paging.ts';
import { json } from '../kit/reply.ts';
import { productRoute } from '../kit/route.ts';
import { account } from '../kit/session.ts';
import { timestamp } from '../kit/time.ts';
import { incidentParams, incidentTokenParams, tokenParams } from './incident-params.ts';
import { incidentRoute } from './incident-route.ts';
import { originOf } from './origin.ts';

const CLASS = 'token';
const time = v.pipe(v.string(), v.isoTimestamp());

const common = {
  token_id: v.string(),
  incident_id: v.string(),
  label: v.optional(v.string()),
  created_at: time,
  expires_at: v.optional(time),
};
const CreatedTokenView = v.strictObject({ ...common, token: v.string() });
const TokenView = v.strictObject({
  ...common,
  token_state: v.picklist(['active', 'expired', 'revoked']),
  revoked_at: v.optional(time),
});

const commonView = (token: ViewerToken) => ({
  token_id: token.id,
  incident_id: token.incidentId,
  ...(token.label !== undefined && { label: token.label }),
  created_at: timestamp(token.createdAt),
  ...(token.expiresAt !== undefined && { expires_at: timestamp(token.expiresAt) }),
});

const tokenView = (token: ViewerToken, now: number): v.InferOutput<typeof TokenView> => ({
  ...commonView(token),
  token_state: stateOf(token, now),
  ...(token.revokedAt !== undefined && { revoked_at: timestamp(token.revokedAt) }),
});

export const create = incidentRoute({
  id: 'viewer-tokens.create',
  method: 'POST',
  path: '/v1/incidents/:id/incident-tokens',
  limit: CLASS,
  gate: account,
  params: incidentParams,
  summary: 'Make a viewer link. Its token is answered here and never again.',
  body: {
    description:
      'A label without personal data, and when it ends: absent for the default lifetime, null for never.',
    types: [],
    json: v.strictObject({ label: v.optional(v.string()), expires_at: v.optional(v.nullable(v.string())) }),
  },
  answers: { 201: { description: 'Made.', schema: CreatedTokenView } },
  faults: [...JSON_FAULTS, 'invalid_label', 'invalid_expires_at', 'incident_not_found', 'incident_deleting'],
  async reply({ deps, request, who, params: { id } }) {
    const fields = await readOptionalFields(request, deps, ['label', 'expires_at']);
    const made = await createViewerToken(deps, originOf(who, CLASS), who.live, id, {
      label: fields.label,
      expiresAt: fields.expires_at,
    });
    return json(201, { ...commonView(made), token: made.token });
  },
});

export const list = incidentRoute({
  id: 'viewer-tokens.list',
  method: 'GET',
  path: '/v1/incidents/:id/incident-tokens',
  limit: CLASS,
  gate: account,
  params: incidentParams,
  summary: 'The viewer links of an incident, dead ones too; after and limit page through them.',
  answers: {
    200: {
      description: 'A page of links, without their tokens.',
      schema: v.strictObject({ incident_tokens: v.array(TokenView) }),
      headers: PAGE_HEADERS,
    },
  },
  faults: [...PAGING_FAULTS, 'incident_not_found'],
  async reply({ deps, request, who, params: { id } }) {
    const page = await listViewerTokens(deps, who.live, id, pagingIn(request));
    const now = deps.now();
    const incident_tokens = page.items.map((token) => tokenView(token, now));
    return json(200, { incident_tokens }, pageHeaders(request, page));
  },
});

export const read = incidentRoute({
  id: 'viewer-tokens.read',
  method: 'GET',
  path: '/v1/incidents/:id/incident-tokens/:token_id',
  limit: CLASS,
  gate: account,
  params: incidentTokenParams,
  summary: 'One viewer link, without its token.',
  answers: {
    200: { description: 'The link.', schema: v.strictObject({ incident_token: TokenView }) },
  },
  faults: ['incident_not_found', 'incident_token_not_found'],
  async reply({ deps, who, params: { id, tokenId } }) {
    const token = await readViewerToken(deps, who.live, id, tokenId);
    return json(200, { incident_token: tokenView(token, deps.now()) });
  },
});

export const revoke = productRoute({
  id: 'viewer-tokens.revoke',
  method: 'POST',
  path: '/v1/incident-tokens/:token_id/revoke',
  limit: CLASS,
  gate: account,
  params: tokenParams,
  summary: 'End a viewer link for good.',
  body: { description: 'Nothing.', types: [], json: v.strictObject({}) },
  answers: {
    200: {
      description: 'Ended.',
      schema: v.strictObject({ token_id: v.string(), revoked: v.literal(true) }),
    },
  },
  faults: [...JSON_FAULTS, 'incident_token_not_found'],
  async reply({ deps, request, who, params: { tokenId } }) {
    await readOptionalFields(request, deps, []);
    await revokeViewerToken(deps, originOf(who, CLASS), who.live, tokenId);
    return json(200, { token_id: tokenId, revoked: true });
  },
});

export const viewerTokenRoutes = [create, list, read, revoke];
