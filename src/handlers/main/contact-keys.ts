/** The room of the main door for public keys of the people whom an account shares with. */
import * as v from 'valibot';
import { contactKeys, createContactKey, replaceContactKey } from '../../core/contact-keys.ts';
import type { FaultKind } from '../../core/faults.ts';
import { JSON_FAULTS, readFields } from '../kit/body.ts';
import { json } from '../kit/reply.ts';
import { noParams, productRoute } from '../kit/route.ts';
import { account } from '../kit/session.ts';
import { CLASS, keyRoutes, NEW_KEY_FAULTS } from './key-routes.ts';
import { ContactKeyView, contactKeyView, KEY_FIELDS, keyForm, keyFormOf } from './key-view.ts';
import { originOf } from './origin.ts';

const ROOT = '/v1/contact-public-keys';

const form = { recipient_account_id: v.optional(v.string()), wrapping_algorithm: v.string(), ...keyForm };
const FIELDS = ['recipient_account_id', 'wrapping_algorithm', ...KEY_FIELDS] as const;
const FORM_FAULTS: readonly FaultKind[] = [
  ...JSON_FAULTS,
  'invalid_recipient_account_id',
  'invalid_wrapping_algorithm',
  ...NEW_KEY_FAULTS,
];

type Fields = Readonly<Partial<Record<(typeof FIELDS)[number], unknown>>>;

const formOf = (fields: Fields) => ({
  ...keyFormOf(fields),
  recipientAccountId: fields.recipient_account_id,
  wrappingAlgorithm: fields.wrapping_algorithm,
});

const create = productRoute({
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
  answers: {
    201: { description: 'Kept.', schema: v.strictObject({ contact_public_key: ContactKeyView }) },
  },
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

const others = keyRoutes({
  name: 'contact-keys',
  root: ROOT,
  one: 'contact_public_key',
  many: 'contact_public_keys',
  schema: ContactKeyView,
  view: contactKeyView,
  records: contactKeys,
  missing: 'contact_public_key_not_found',
  final: 'invalid_contact_key_state',
  form,
  fields: FIELDS,
  formOf,
  formFaults: FORM_FAULTS,
  identity: [
    { name: 'contact_id', schema: v.string(), of: (key) => key.contactId, otherwise: 'contact_not_found' },
  ],
  replace: replaceContactKey,
  summaries: {
    list: 'Every version of every contact, those that ended too; after and limit page through them.',
    read: 'One public key of a contact.',
    change: 'Change the label of a key, or whether it counts as verified.',
    revoke: 'End a key: nothing wrapped for it is given out any more.',
    lost: 'End a key whose private half its owner has lost.',
    replace:
      'Put a new key in the place of one that has not ended. Nothing is inherited from the old record.',
  },
  replacing: {
    body: 'The new key, as for the first one; contact_id, if it is there, as the record has it.',
    answer: 'The new key, the next version of its contact.',
  },
});

export const contactKeyRoutes = [create, ...others];
