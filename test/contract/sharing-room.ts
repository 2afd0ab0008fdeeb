/** What the sharing contract tests, and the keys, grants and wrapped keys that it makes. */
import type { AuditAction } from '../../src/store/audit.ts';
import type {
  ContactKey,
  ContactKeyStore,
  Grant,
  GrantStore,
  NewContactKey,
  NewGrant,
  NewRecipientKey,
  NewWrappedKey,
  RecipientKey,
  RecipientKeyStore,
  WrappedKey,
  WrappedKeyStore,
} from '../../src/store/sharing.ts';
import { accountId, audit, hashOf, NOW } from './account-room.ts';
import { type IncidentStores, type IncidentsUnderTest, incidentId, owned } from './incident-room.ts';

export interface SharingStores extends IncidentStores {
  readonly contactKeys: ContactKeyStore;
  readonly recipientKeys: RecipientKeyStore;
  readonly grants: GrantStore;
  readonly wrappedKeys: WrappedKeyStore;
}

export interface SharingUnderTest extends Omit<IncidentsUnderTest, 'other'>, SharingStores {
  /** The same stores by a second, independent driver, or undefined where there is no such thing. */
  readonly other: SharingStores | undefined;
}

/** Makes stores in which accounts 1 and 2 are all there is. */
export type SharingFactory = () => Promise<SharingUnderTest>;
export type SharingIt = (name: string, body: (subject: SharingUnderTest) => Promise<void>) => void;

const idOf = (prefix: string, n: number): string => `${prefix}_${String(n).padStart(26, '0')}`;
export const keyId = (n: number): string => idOf('cpk', n);
export const contactId = (n: number): string => idOf('ctc', n);
export const recordId = (n: number): string => idOf('ark', n);
export const grantId = (n: number): string => idOf('sgr', n);
export const wrappedId = (n: number): string => idOf('wkey', n);

/** An entry of an account about something of its own. */
export const by = (action: AuditAction, subjectId: string) =>
  audit(action, { subjectId, actorKind: 'account' });

const key = (n: number, of: number) => ({
  ownerAccountId: accountId(of),
  publicKey: `age1key${n}`,
  fingerprint: hashOf(n),
  createdAt: NOW,
  state: 'active' as const,
});

/** Key `n` of a new contact `n` of account `of`, active. */
export const contactKeyOf = (n: number, of = 1, wish: Partial<NewContactKey> = {}): NewContactKey => ({
  ...key(n, of),
  id: keyId(n),
  freshContactId: contactId(n),
  wrappingAlgorithm: 'age-v1',
  ...wish,
});

/** Key `n` of recipient `n` of account `of`, active. */
export const recipientKeyOf = (n: number, of = 1, wish: Partial<NewRecipientKey> = {}): NewRecipientKey => ({
  ...key(n, of),
  id: recordId(n),
  recipientId: `recipient ${n}`,
  recipientType: 'device',
  keyId: `key ${n}`,
  scheme: 'age-v1',
  suiteId: 'x25519',
  ...wish,
});

function made<Made extends object>(answer: Made | string): Made {
  if (typeof answer === 'string') throw new Error(answer);
  return answer;
}

export const addContactKey = async (
  { contactKeys }: SharingStores,
  n: number,
  wish: Partial<NewContactKey> = {},
  of = 1,
): Promise<ContactKey> =>
  made(await contactKeys.create(contactKeyOf(n, of, wish), by('contact_key_create', keyId(n))));

export const addRecipientKey = async (
  { recipientKeys }: SharingStores,
  n: number,
  wish: Partial<NewRecipientKey> = {},
  of = 1,
): Promise<RecipientKey> =>
  made(await recipientKeys.create(recipientKeyOf(n, of, wish), by('recipient_key_create', recordId(n))));

/** Replaces contact key `old` by key `n`. */
export const replaceContactKey = ({ contactKeys }: SharingStores, old: number, n: number, of = 1) => {
  const { freshContactId: _, ...next } = contactKeyOf(n, of);
  return contactKeys.replace(accountId(of), keyId(old), next, by('contact_key_create', keyId(n)));
};

export const endContactKey = (
  { contactKeys }: SharingStores,
  n: number,
  as: 'revoked' | 'lost' = 'revoked',
  now = NOW,
) => contactKeys.end(accountId(1), keyId(n), as, now, by('contact_key_end', keyId(n)));

/** Asks for grant `n` of an incident for contact 1. */
export const grant = (
  { grants }: SharingStores,
  n: number,
  incident: number,
  wish: Partial<NewGrant> = {},
  of = 1,
) =>
  grants.create(
    owned(incident, of),
    { id: grantId(n), contactId: contactId(1), dataClass: 'metadata_ciphertext', createdAt: NOW, ...wish },
    audit('sharing_grant_create', { incidentId: incidentId(incident), subjectId: grantId(n) }),
  );

export const addGrant = async (...asked: Parameters<typeof grant>): Promise<Grant> =>
  made(await grant(...asked));

export const revokeGrant = ({ grants }: SharingStores, n: number, now = NOW, of = 1) =>
  grants.revoke(accountId(of), grantId(n), now, by('sharing_grant_revoke', grantId(n)));

/** Brings wrapped key `n` to an incident, under grant 1. */
export const wrap = (
  { wrappedKeys }: SharingStores,
  n: number,
  incident: number,
  wish: Partial<NewWrappedKey> = {},
  of = 1,
) =>
  wrappedKeys.create(
    owned(incident, of),
    {
      id: wrappedId(n),
      grantId: grantId(1),
      mediaKeyId: `media key ${n}`,
      wrappingAlgorithm: 'age-v1',
      wrappingAlgorithmVersion: '1',
      ciphertext: 'YWdl',
      createdAt: NOW,
      ...wish,
    },
    audit('wrapped_key_create', { incidentId: incidentId(incident), subjectId: wrappedId(n) }),
  );

export const addWrapped = async (...asked: Parameters<typeof wrap>): Promise<WrappedKey> =>
  made(await wrap(...asked));

export const revokeWrapped = ({ wrappedKeys }: SharingStores, n: number, now = NOW, of = 1) =>
  wrappedKeys.revoke(accountId(of), wrappedId(n), now, by('wrapped_key_revoke', wrappedId(n)));

/** The numbers of the wrapped keys that are given out, by the list and one by one, which must agree. */
export async function givenOut(
  { wrappedKeys }: SharingStores,
  incident: number,
  now = NOW,
): Promise<readonly number[]> {
  const listed = await wrappedKeys.list(owned(incident), now, undefined, 99);
  if (typeof listed === 'string') throw new Error(listed);
  const numbers = listed.map(({ id }) => Number(id.slice(-4)));
  for (let n = 1; n <= 9; n += 1) {
    const found = await wrappedKeys.find(accountId(1), wrappedId(n), now);
    const there = found?.incidentId === incidentId(incident);
    if (there !== numbers.includes(n))
      throw new Error(`wrapped key ${n} is in one reading and not the other`);
  }
  return numbers;
}

/** The other driver where there is one: what is told to both is told over two connections. */
export const both = (subject: SharingUnderTest): readonly [SharingStores, SharingStores] => [
  subject,
  subject.other ?? subject,
];
