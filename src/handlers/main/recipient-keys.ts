/** The room of the main door for public keys of the account itself and of its devices. */
import * as v from 'valibot';
import type { FaultKind } from '../../core/faults.ts';
import {
  changeRecipientKey,
  createRecipientKey,
  endRecipientKey,
  listRecipientKeys,
  readRecipientKey,
  replaceRecipientKey,
} from '../../core/recipient-keys.ts';
import { JSON_FAULTS, readFields } from '../kit/body.ts';
import { PAGE_HEADERS, PAGING_FAULTS, pageHeaders, pagingIn } from '../kit/paging.ts';
import { json } from '../kit/reply.ts';
import { noParams, productRoute } from '../kit/route.ts';
import { account } from '../kit/session.ts';
import { idParams } from './incident-params.ts';
import {
  CHANGE_FIELDS,
  KEY_FIELDS,
  keyForm,
  keyFormOf,
  newKeyState,
  RecipientKeyAnswer,
  RecipientKeyView,
  recipientKeyView,
} from './key-view.ts';
import { originOf } from './origin.ts';

const CLASS = 'account';
const ROOT = '/v1/account-recipient-keys';

const form = {
  key_id: v.string(),
  scheme: v.string(),
  suite_id: v.picklist(['x25519', 'mlkem768x25519']),
  ...keyForm,
};
const FIELDS = ['key_id', 'scheme', 'suite_id', ...KEY_FIELDS] as const;
const FORM_FAULTS: readonly FaultKind[] = [
  ...JSON_FAULTS,
  'invalid_key_id',
  'invalid_scheme',
  'invalid_suite_id',
  'invalid_public_key',
  'invalid_public_key_fingerprint',
  'invalid_display_label',
  'invalid_key_state',
  'account_recipient_key_duplicate',
];

type Fields = Readonly<Partial<Record<(typeof FIELDS)[number], unknown>>>;

const formOf = (fields: Fields) => ({
  ...keyFormOf(fields),
  keyId: fields.key_id,
  scheme: fields.scheme,
  suiteId: fields.suite_id,
});

export const create = productRoute({
  id: 'recipient-keys.create',
  method: 'POST',
  path: ROOT,
  limit: CLASS,
  gate: account,
  params: noParams,
  summary: 'Keep the first public key of the account or of one of its devices.',
  body: {
    description: 'Whose key it is and the key; names and labels are readable to the server.',
    types: [],
    json: v.strictObject({
      recipient_type: v.picklist(['account', 'device']),
      recipient_id: v.optional(v.string()),
      ...form,
    }),
  },
  answers: { 201: { description: 'Kept.', schema: RecipientKeyAnswer } },
  faults: [...FORM_FAULTS, 'invalid_recipient_type', 'invalid_recipient_id'],
  async reply({ deps, request, who }) {
    const fields = await readFields(request, deps, ['recipient_type', 'recipient_id', ...FIELDS]);
    const key = await createRecipientKey(deps, originOf(who, CLASS), who.live, {
      ...formOf(fields),
      recipientType: fields.recipient_type,
      recipientId: fields.recipient_id,
    });
    return json(201, { account_recipient_key: recipientKeyView(key) });
  },
});

export const list = productRoute({
  id: 'recipient-keys.list',
  method: 'GET',
  path: ROOT,
  limit: CLASS,
  gate: account,
  params: noParams,
  summary: 'Every version of every recipient, those that ended too; after and limit page through them.',
  answers: {
    200: {
      description: 'A page of keys.',
      schema: v.strictObject({ account_recipient_keys: v.array(RecipientKeyView) }),
      headers: PAGE_HEADERS,
    },
  },
  faults: PAGING_FAULTS,
  async reply({ deps, request, who }) {
    const page = await listRecipientKeys(deps, who.live, pagingIn(request));
    const account_recipient_keys = page.items.map(recipientKeyView);
    return json(200, { account_recipient_keys }, pageHeaders(request, page));
  },
});

export const read = productRoute({
  id: 'recipient-keys.read',
  method: 'GET',
  path: `${ROOT}/:id`,
  limit: CLASS,
  gate: account,
  params: idParams,
  summary: 'One public key of the account.',
  answers: { 200: { description: 'The key.', schema: RecipientKeyAnswer } },
  faults: ['account_recipient_key_not_found'],
  async reply({ deps, who, params: { id } }) {
    return json(200, { account_recipient_key: recipientKeyView(await readRecipientKey(deps, who.live, id)) });
  },
});

export const change = productRoute({
  id: 'recipient-keys.change',
  method: 'PATCH',
  path: `${ROOT}/:id`,
  limit: CLASS,
  gate: account,
  params: idParams,
  summary: 'Change the label of a key, or make a pending one active.',
  body: {
    description: 'What is absent stays; a label that is null goes.',
    types: [],
    json: v.strictObject({ display_label: v.optional(v.nullable(v.string())), key_state: newKeyState }),
  },
  answers: { 200: { description: 'As it is now.', schema: RecipientKeyAnswer } },
  faults: [
    ...JSON_FAULTS,
    'invalid_display_label',
    'invalid_key_state',
    'account_recipient_key_not_found',
    'invalid_account_recipient_key_state',
  ],
  async reply({ deps, request, who, params: { id } }) {
    const fields = await readFields(request, deps, CHANGE_FIELDS);
    const key = await changeRecipientKey(deps, originOf(who, CLASS), who.live, id, keyFormOf(fields));
    return json(200, { account_recipient_key: recipientKeyView(key) });
  },
});

const ending = (verb: string, as: 'revoked' | 'lost', summary: string) =>
  productRoute({
    id: `recipient-keys.${verb}`,
    method: 'POST',
    path: `${ROOT}/:id/${verb}`,
    limit: CLASS,
    gate: account,
    params: idParams,
    summary,
    body: { description: 'Nothing.', types: [], json: v.strictObject({}) },
    answers: { 200: { description: 'Ended, now or before.', schema: RecipientKeyAnswer } },
    faults: [...JSON_FAULTS, 'account_recipient_key_not_found', 'invalid_account_recipient_key_state'],
    async reply({ deps, request, who, params: { id } }) {
      await readFields(request, deps, []);
      const key = await endRecipientKey(deps, originOf(who, CLASS), who.live, id, as);
      return json(200, { account_recipient_key: recipientKeyView(key) });
    },
  });

export const revoke = ending('revoke', 'revoked', 'End a key of the account.');
export const lost = ending('lost', 'lost', 'End a key of the account whose private half is lost.');

export const replace = productRoute({
  id: 'recipient-keys.replace',
  method: 'POST',
  path: `${ROOT}/:id/replace`,
  limit: CLASS,
  gate: account,
  params: idParams,
  summary: 'Put a new key in the place of one that has not ended. The recipient stays, the label does not.',
  body: {
    description: 'The new key with a key_id of its own, as for the first one.',
    types: [],
    json: v.strictObject(form),
  },
  answers: {
    201: { description: 'The new key, the next version of its recipient.', schema: RecipientKeyAnswer },
  },
  faults: [...FORM_FAULTS, 'account_recipient_key_not_found', 'invalid_account_recipient_key_state'],
  async reply({ deps, request, who, params: { id } }) {
    const fields = await readFields(request, deps, FIELDS);
    const key = await replaceRecipientKey(deps, originOf(who, CLASS), who.live, id, formOf(fields));
    return json(201, { account_recipient_key: recipientKeyView(key) });
  },
});

export const recipientKeyRoutes = [create, list, read, change, revoke, lost, replace];
