/** The room of the main door where media keys lie that an owner has wrapped for contacts. */
import * as v from 'valibot';
import {
  createWrappedKey,
  listWrappedKeys,
  readWrappedKey,
  revokeWrappedKey,
} from '../../core/wrapped-keys.ts';
import { JSON_FAULTS, readFields, readOptionalFields } from '../kit/body.ts';
import { PAGE_HEADERS, PAGING_FAULTS, pageHeaders, pagingIn } from '../kit/paging.ts';
import { json } from '../kit/reply.ts';
import { productRoute } from '../kit/route.ts';
import { account } from '../kit/session.ts';
import { idParams, incidentParams } from './incident-params.ts';
import { incidentRoute } from './incident-route.ts';
import { originOf } from './origin.ts';
import { WrappedKeyAnswer, WrappedKeyView, wrappedKeyView } from './sharing-view.ts';

const READ = 'incident_read';
const WRITE = 'incident_write';

const FIELDS = [
  'stream_id',
  'grant_id',
  'media_key_id',
  'wrapping_algorithm',
  'wrapping_algorithm_version',
  'wrapped_key_ciphertext',
  'public_wrapping_metadata',
] as const;

export const create = incidentRoute({
  id: 'wrapped-keys.create',
  method: 'POST',
  path: '/v1/incidents/:id/wrapped-keys',
  limit: WRITE,
  gate: account,
  params: incidentParams,
  summary: 'Keep a media key that was wrapped on the device for the contact key of a grant.',
  body: {
    description:
      'wrapped_key_ciphertext is one binary age file for recipients in unpadded base64url; public_wrapping_metadata is readable to the server.',
    types: [],
    json: v.strictObject({
      stream_id: v.optional(v.nullable(v.string())),
      grant_id: v.string(),
      media_key_id: v.string(),
      wrapping_algorithm: v.string(),
      wrapping_algorithm_version: v.string(),
      wrapped_key_ciphertext: v.string(),
      public_wrapping_metadata: v.optional(v.nullable(v.record(v.string(), v.unknown()))),
    }),
  },
  answers: { 201: { description: 'Kept.', schema: WrappedKeyAnswer } },
  faults: [
    ...JSON_FAULTS,
    'invalid_grant_id',
    'invalid_media_key_id',
    'invalid_wrapping_algorithm',
    'invalid_wrapping_algorithm_version',
    'invalid_wrapped_key_ciphertext',
    'invalid_public_wrapping_metadata',
    'incident_not_found',
    'incident_deleting',
    'wrapped_key_dependency_not_found',
    'wrapped_key_grant_not_authorized',
    'wrapped_key_duplicate',
  ],
  async reply({ deps, request, who, params: { id } }) {
    const fields = await readFields(request, deps, FIELDS);
    const key = await createWrappedKey(deps, originOf(who, WRITE), who.live, id, {
      streamId: fields.stream_id,
      grantId: fields.grant_id,
      mediaKeyId: fields.media_key_id,
      wrappingAlgorithm: fields.wrapping_algorithm,
      wrappingAlgorithmVersion: fields.wrapping_algorithm_version,
      ciphertext: fields.wrapped_key_ciphertext,
      publicMetadata: fields.public_wrapping_metadata,
    });
    return json(201, { wrapped_key: wrappedKeyView(key) });
  },
});

export const list = incidentRoute({
  id: 'wrapped-keys.list',
  method: 'GET',
  path: '/v1/incidents/:id/wrapped-keys',
  limit: READ,
  gate: account,
  params: incidentParams,
  summary:
    'The wrapped keys of an incident whose grant and contact key are in force; after and limit page through them.',
  answers: {
    200: {
      description: 'A page of wrapped keys.',
      schema: v.strictObject({ wrapped_keys: v.array(WrappedKeyView) }),
      headers: PAGE_HEADERS,
    },
  },
  faults: [...PAGING_FAULTS, 'incident_not_found'],
  async reply({ deps, request, who, params: { id } }) {
    const page = await listWrappedKeys(deps, who.live, id, pagingIn(request));
    return json(200, { wrapped_keys: page.items.map(wrappedKeyView) }, pageHeaders(request, page));
  },
});

export const read = productRoute({
  id: 'wrapped-keys.read',
  method: 'GET',
  path: '/v1/wrapped-keys/:id',
  limit: READ,
  gate: account,
  params: idParams,
  summary: 'One wrapped key, while its grant and contact key are in force.',
  answers: { 200: { description: 'The wrapped key.', schema: WrappedKeyAnswer } },
  faults: ['wrapped_key_not_found'],
  async reply({ deps, who, params: { id } }) {
    return json(200, { wrapped_key: wrappedKeyView(await readWrappedKey(deps, who.live, id)) });
  },
});

export const revoke = productRoute({
  id: 'wrapped-keys.revoke',
  method: 'POST',
  path: '/v1/wrapped-keys/:id/revoke',
  limit: WRITE,
  gate: account,
  params: idParams,
  summary: 'End a wrapped key, also one that is not given out any more.',
  body: { description: 'Nothing.', types: [], json: v.strictObject({}) },
  answers: { 200: { description: 'Ended, now or before.', schema: WrappedKeyAnswer } },
  faults: [...JSON_FAULTS, 'wrapped_key_not_found'],
  async reply({ deps, request, who, params: { id } }) {
    await readOptionalFields(request, deps, []);
    const key = await revokeWrappedKey(deps, originOf(who, WRITE), who.live, id);
    return json(200, { wrapped_key: wrappedKeyView(key) });
  },
});

export const wrappedKeyRoutes = [create, list, read, revoke];
