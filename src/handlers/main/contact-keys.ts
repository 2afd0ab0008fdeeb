/** The room of the main door for public keys of the people whom an account shares with. */
import * as v from 'valibot';
import {
  changeContactKey,
  createContactKey,
  endContactKey,
  listContactKeys,
  readContactKey,
  replaceContactKey,
} from '../../core/contact-keys.ts';
import type { FaultKind } from '../../core/faults.ts';
import { JSON_FAULTS, readFields } from '../kit/body.ts';
import { PAGE_HEADERS, PAGING_FAULTS, pageHeaders, pagingIn } from '../kit/paging.ts';
import { json } from '../kit/reply.ts';
import { noParams, productRoute } from '../kit/route.ts';
import { account } from '../kit/session.ts';
import { idParams } from './incident-params.ts';
import {
  CHANGE_FIELDS,
  ContactKeyAnswer,
  ContactKeyView,
  contactKeyView,
  KEY_FIELDS,
  keyForm,
  keyFormOf,
  newKeyState,
} from './key-view.ts';
import { originOf } from './origin.ts';

const CLASS = 'account';
const ROOT = '/v1/contact-public-keys';

const form = { recipient_account_id: v.optional(v.string()), wrapping_algorithm: v.string(), ...keyForm };
const FIELDS = ['recipient_account_id', 'wrapping_algorithm', ...KEY_FIELDS] as const;
const FORM_FAULTS: readonly FaultKind[] = [
  ...JSON_FAULTS,
  'invalid_recipient_account_id',
  'invalid_wrapping_algorithm',
  'invalid_public_key',
  'invalid_public_key_fingerprint',
  'invalid_display_label',
  'invalid_key_state',
];

type Fields = Readonly<Partial<Record<(typeof FIELDS)[number], unknown>>>;

const formOf = (fields: Fields) => ({
  ...keyFormOf(fields),
  recipientAccountId: fields.recipient_account_id,
  wrappingAlgorithm: fields.wrapping_algorithm,
});

export const create = productRoute({
  id: 'contact-keys.create',
  method: 'POST',
  path: ROOT,
  limit: CLASS,
  gate: account,
  params: noParams,
  summary: 'Keep a public key of a new contact, or the next version of the key of one that is there.',
  body: {
    description: 'The key, its fingerprint as the sender computed it, and a label that the server can read.',
    types: [],
    json: v.strictObject({ contact_id: v.optional(v.string()), ...form }),
  },
  answers: { 201: { description: 'Kept.', schema: ContactKeyAnswer } },
  faults: [...FORM_FAULTS, 'contact_not_found'],
  async reply({ deps, request, who }) {
    const fields = await readFields(request, deps, ['contact_id', ...FIELDS]);
    const key = await createContactKey(deps, originOf(who, CLASS), who.live, {
      ...formOf(fields),
      contactId: fields.contact_id,
    });
    return json(201, { contact_public_key: contactKeyView(key) });
  },
});

export const list = productRoute({
  id: 'contact-keys.list',
  method: 'GET',
  path: ROOT,
  limit: CLASS,
  gate: account,
  params: noParams,
  summary: 'Every version of every contact, those that ended too; after and limit page through them.',
  answers: {
    200: {
      description: 'A page of keys.',
      schema: v.strictObject({ contact_public_keys: v.array(ContactKeyView) }),
      headers: PAGE_HEADERS,
    },
  },
  faults: PAGING_FAULTS,
  async reply({ deps, request, who }) {
    const page = await listContactKeys(deps, who.live, pagingIn(request));
    return json(200, { contact_public_keys: page.items.map(contactKeyView) }, pageHeaders(request, page));
  },
});

export const read = productRoute({
  id: 'contact-keys.read',
  method: 'GET',
  path: `${ROOT}/:id`,
  limit: CLASS,
  gate: account,
  params: idParams,
  summary: 'One public key of a contact.',
  answers: { 200: { description: 'The key.', schema: ContactKeyAnswer } },
  faults: ['contact_public_key_not_found'],
  async reply({ deps, who, params: { id } }) {
    return json(200, { contact_public_key: contactKeyView(await readContactKey(deps, who.live, id)) });
  },
});

export const change = productRoute({
  id: 'contact-keys.change',
  method: 'PATCH',
  path: `${ROOT}/:id`,
  limit: CLASS,
  gate: account,
  params: idParams,
  summary: 'Change the label of a key, or whether it counts as verified.',
  body: {
    description: 'What is absent stays; a label that is null goes.',
    types: [],
    json: v.strictObject({ display_label: v.optional(v.nullable(v.string())), key_state: newKeyState }),
  },
  answers: { 200: { description: 'As it is now.', schema: ContactKeyAnswer } },
  faults: [
    ...JSON_FAULTS,
    'invalid_display_label',
    'invalid_key_state',
    'contact_public_key_not_found',
    'invalid_contact_key_state',
  ],
  async reply({ deps, request, who, params: { id } }) {
    const fields = await readFields(request, deps, CHANGE_FIELDS);
    const key = await changeContactKey(deps, originOf(who, CLASS), who.live, id, keyFormOf(fields));
    return json(200, { contact_public_key: contactKeyView(key) });
  },
});

const ending = (verb: string, as: 'revoked' | 'lost', summary: string) =>
  productRoute({
    id: `contact-keys.${verb}`,
    method: 'POST',
    path: `${ROOT}/:id/${verb}`,
    limit: CLASS,
    gate: account,
    params: idParams,
    summary,
    body: { description: 'Nothing.', types: [], json: v.strictObject({}) },
    answers: { 200: { description: 'Ended, now or before.', schema: ContactKeyAnswer } },
    faults: [...JSON_FAULTS, 'contact_public_key_not_found', 'invalid_contact_key_state'],
    async reply({ deps, request, who, params: { id } }) {
      await readFields(request, deps, []);
      const key = await endContactKey(deps, originOf(who, CLASS), who.live, id, as);
      return json(200, { contact_public_key: contactKeyView(key) });
    },
  });

export const revoke = ending('revoke', 'revoked', 'End a key: nothing wrapped for it is given out any more.');
export const lost = ending('lost', 'lost', 'End a key whose private half its owner has lost.');

export const replace = productRoute({
  id: 'contact-keys.replace',
  method: 'POST',
  path: `${ROOT}/:id/replace`,
  limit: CLASS,
  gate: account,
  params: idParams,
  summary: 'Put a new key in the place of one that has not ended. Nothing is inherited from the old record.',
  body: {
    description: 'The new key, as for the first one.',
    types: [],
    json: v.strictObject(form),
  },
  answers: {
    201: { description: 'The new key, the next version of its contact.', schema: ContactKeyAnswer },
  },
  faults: [...FORM_FAULTS, 'contact_public_key_not_found', 'invalid_contact_key_state'],
  async reply({ deps, request, who, params: { id } }) {
    const fields = await readFields(request, deps, FIELDS);
    const key = await replaceContactKey(deps, originOf(who, CLASS), who.live, id, formOf(fields));
    return json(201, { contact_public_key: contactKeyView(key) });
  },
});

export const contactKeyRoutes = [create, list, read, change, revoke, lost, replace];
