/** The room of the main door for public keys of the account itself and of its devices. */
import * as v from 'valibot';
import type { FaultKind } from '../../core/faults.ts';
import { createRecipientKey, recipientKeys, replaceRecipientKey } from '../../core/recipient-keys.ts';
import { JSON_FAULTS, readFields } from '../kit/body.ts';
import { json } from '../kit/reply.ts';
import { noParams, productRoute } from '../kit/route.ts';
import { account } from '../kit/session.ts';
import { CLASS, keyRoutes, NEW_KEY_FAULTS } from './key-routes.ts';
import { KEY_FIELDS, keyForm, keyFormOf, RecipientKeyView, recipientKeyView } from './key-view.ts';
import { originOf } from './origin.ts';

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
  ...NEW_KEY_FAULTS,
  'account_recipient_key_duplicate',
];

type Fields = Readonly<Partial<Record<(typeof FIELDS)[number], unknown>>>;

const formOf = (fields: Fields) => ({
  ...keyFormOf(fields),
  keyId: fields.key_id,
  scheme: fields.scheme,
  suiteId: fields.suite_id,
});

const recipientType = v.picklist(['account', 'device']);

const create = productRoute({
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
      recipient_type: recipientType,
      recipient_id: v.optional(v.string()),
      ...form,
    }),
  },
  answers: {
    201: { description: 'Kept.', schema: v.strictObject({ account_recipient_key: RecipientKeyView }) },
  },
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

const others = keyRoutes({
  name: 'recipient-keys',
  root: ROOT,
  one: 'account_recipient_key',
  many: 'account_recipient_keys',
  schema: RecipientKeyView,
  view: recipientKeyView,
  records: recipientKeys,
  missing: 'account_recipient_key_not_found',
  final: 'invalid_account_recipient_key_state',
  form,
  fields: FIELDS,
  formOf,
  formFaults: FORM_FAULTS,
  identity: [
    {
      name: 'recipient_type',
      schema: recipientType,
      of: (key) => key.recipientType,
      otherwise: 'invalid_recipient_type',
    },
    {
      name: 'recipient_id',
      schema: v.string(),
      of: (key) => key.recipientId,
      otherwise: 'invalid_recipient_id',
    },
  ],
  replace: replaceRecipientKey,
  summaries: {
    list: 'Every version of every recipient, those that ended too; after and limit page through them.',
    read: 'One public key of the account.',
    change: 'Change the label of a key, or make a pending one active.',
    revoke: 'End a key of the account.',
    lost: 'End a key of the account whose private half is lost.',
    replace: 'Put a new key in the place of one that has not ended. The recipient stays, the label does not.',
  },
  replacing: {
    body: 'The new key with a key_id of its own, as for the first one; whose it is, if it is there, as the record has it.',
    answer: 'The new key, the next version of its recipient.',
  },
});

export const recipientKeyRoutes = [create, ...others];
