/** The room of the main door where an owner grants contacts access to an incident, and takes it back. */
import * as v from 'valibot';
import { createGrant, DATA_CLASSES, listGrants, readGrant, revokeGrant } from '../../core/sharing.ts';
import { JSON_FAULTS, readFields, readOptionalFields } from '../kit/body.ts';
import { PAGE_HEADERS, PAGING_FAULTS, pageHeaders, pagingIn } from '../kit/paging.ts';
import { json } from '../kit/reply.ts';
import { productRoute } from '../kit/route.ts';
import { account } from '../kit/session.ts';
import { idParams, incidentParams } from './incident-params.ts';
import { incidentRoute } from './incident-route.ts';
import { originOf } from './origin.ts';
import { GrantAnswer, GrantView, grantView } from './sharing-view.ts';

const READ = 'incident_read';
const WRITE = 'incident_write';

const FIELDS = [
  'stream_id',
  'recipient_type',
  'contact_id',
  'contact_public_key_id',
  'data_class',
  'expires_at',
] as const;

export const create = incidentRoute({
  id: 'sharing-grants.create',
  method: 'POST',
  path: '/v1/incidents/:id/sharing-grants',
  limit: WRITE,
  gate: account,
  params: incidentParams,
  summary: 'Let keys of a stream, or of the whole incident, be wrapped for one key of a contact.',
  body: {
    description: 'Without contact_public_key_id it is the newest active key that the contact has now.',
    types: [],
    json: v.strictObject({
      stream_id: v.optional(v.nullable(v.string())),
      recipient_type: v.literal('trusted_contact'),
      contact_id: v.string(),
      contact_public_key_id: v.optional(v.nullable(v.string())),
      data_class: v.optional(v.picklist(DATA_CLASSES)),
      expires_at: v.optional(v.nullable(v.string())),
    }),
  },
  answers: { 201: { description: 'Granted.', schema: GrantAnswer } },
  faults: [
    ...JSON_FAULTS,
    'invalid_recipient_type',
    'invalid_contact_id',
    'invalid_data_class',
    'invalid_expires_at',
    'incident_not_found',
    'incident_deleting',
    'sharing_grant_dependency_not_found',
  ],
  async reply({ deps, request, who, params: { id } }) {
    const fields = await readFields(request, deps, FIELDS);
    const grant = await createGrant(deps, originOf(who, WRITE), who.live, id, {
      streamId: fields.stream_id,
      recipientType: fields.recipient_type,
      contactId: fields.contact_id,
      contactKeyId: fields.contact_public_key_id,
      dataClass: fields.data_class,
      expiresAt: fields.expires_at,
    });
    return json(201, { sharing_grant: grantView(grant) });
  },
});

export const list = incidentRoute({
  id: 'sharing-grants.list',
  method: 'GET',
  path: '/v1/incidents/:id/sharing-grants',
  limit: READ,
  gate: account,
  params: incidentParams,
  summary: 'The grants of an incident, ended ones too; after and limit page through them.',
  answers: {
    200: {
      description: 'A page of grants.',
      schema: v.strictObject({ sharing_grants: v.array(GrantView) }),
      headers: PAGE_HEADERS,
    },
  },
  faults: [...PAGING_FAULTS, 'incident_not_found'],
  async reply({ deps, request, who, params: { id } }) {
    const page = await listGrants(deps, who.live, id, pagingIn(request));
    return json(200, { sharing_grants: page.items.map(grantView) }, pageHeaders(request, page));
  },
});

export const read = productRoute({
  id: 'sharing-grants.read',
  method: 'GET',
  path: '/v1/sharing-grants/:id',
  limit: READ,
  gate: account,
  params: idParams,
  summary: 'One grant.',
  answers: { 200: { description: 'The grant.', schema: GrantAnswer } },
  faults: ['sharing_grant_not_found'],
  async reply({ deps, who, params: { id } }) {
    return json(200, { sharing_grant: grantView(await readGrant(deps, who.live, id)) });
  },
});

export const revoke = productRoute({
  id: 'sharing-grants.revoke',
  method: 'POST',
  path: '/v1/sharing-grants/:id/revoke',
  limit: WRITE,
  gate: account,
  params: idParams,
  summary: 'End a grant: no key that was wrapped under it is given out any more.',
  body: { description: 'Nothing.', types: [], json: v.strictObject({}) },
  answers: { 200: { description: 'Ended, now or before.', schema: GrantAnswer } },
  faults: [...JSON_FAULTS, 'sharing_grant_not_found'],
  async reply({ deps, request, who, params: { id } }) {
    await readOptionalFields(request, deps, []);
    const grant = await revokeGrant(deps, originOf(who, WRITE), who.live, id);
    return json(200, { sharing_grant: grantView(grant) });
  },
});

export const sharingRoutes = [create, list, read, revoke];
