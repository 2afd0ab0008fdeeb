/** Values that a parameter, a header or a member of a document may well have, by its name. */
import { PASSWORD } from '../../../test/support/people.ts';
import type { Chance } from '../chance.ts';
import type { Pool } from './pool.ts';

export interface Asker {
  readonly chance: Chance;
  readonly pool: Pool;
  readonly who: number;
}

/** The password of pastes; what is wrong with it differs by one letter. */
export const PASTE_PASSWORD = 'a pasted password';
export const STARTED = '2026-01-02T03:04:05Z';
export const ENDED = '2026-01-02T03:04:15Z';
export const MEDIA = ['audio', 'video', 'location', 'metadata'] as const;

/** Which id a path's parameter is, by the text before it. */
const ID_AFTER: readonly (readonly [RegExp, string])[] = [
  [/\/uploads\/$/, 'uop'],
  [/\/contact-public-keys\/$/, 'cpk'],
  [/\/account-recipient-keys\/$/, 'ark'],
  [/\/sharing-grants\/$/, 'sgr'],
  [/\/wrapped-keys\/$/, 'wkey'],
  [/\/incident-tokens\/$/, 'itk'],
  [/\/streams\/$/, 'str'],
  [/\/accounts\/$/, 'acct'],
  [/\/incidents\/$/, 'inc'],
  [/^\/i\/$/, 'viewer'],
  [/^\/$/, 'paste'],
];

/** Where nothing of the kind was seen yet: right in its shape, and nobody's. */
const UNSEEN: Readonly<Record<string, string>> = {
  paste: '00000000000000000000000000',
  viewer: 'A'.repeat(43),
  ref: '0'.repeat(32),
};

/** @param before the path up to the parameter */
export function pathValue(
  { chance, pool, who }: Asker,
  before: string,
  name: string,
  method: string,
): string {
  if (name === 'index' || name === 'chunk_index') {
    const stream = /str_[0-9A-Z]{26}/.exec(before)?.[0];
    const fresh = method === 'PUT' && stream !== undefined && !chance.once(4);
    return fresh ? String(pool.chunksOf(stream) + 1) : chance.of(INDEXES);
  }
  if (name === 'media_type') return chance.of(MEDIA_HERE);
  if (name === 'ref') return pool.pick(chance, 'ref', who) ?? '0'.repeat(32);
  const kind = ID_AFTER.find(([where]) => where.test(before))?.[1] ?? 'inc';
  const recorded = kind === 'inc' && !chance.once(3) ? pool.recorded(chance, who) : undefined;
  if (recorded !== undefined) return recorded;
  const incident = /\/incidents\/([^/]+)\//.exec(before)?.[1];
  const found = pool.pick(chance, kind, who, incident);
  return found ?? UNSEEN[kind] ?? `${kind}_01ARZ3NDEKTSV4RRFFQ69G5FAV`;
}

/** Few numbers, so that a chunk is asked for that was sent, and streams become whole. */
const INDEXES = ['1', '1', '1', '2', '2', '3', '4'] as const;
/** Mostly one medium, so that chunks fit their streams. */
const MEDIA_HERE = ['audio', 'audio', 'audio', ...MEDIA] as const;

const RANGES = ['bytes=0-', 'bytes=0-0', 'bytes=5-20', 'bytes=-7', 'bytes=1-2,4-5', 'bytes=999999-'] as const;
const KEYS = ['a-key-of-a-run-0', 'a-key-of-a-run-1', 'a-key-of-a-run-2', 'a-key-of-a-run-3'] as const;

/** Of headers that need nothing of the body. Undefined: another place makes it. */
export function headerValue({ chance, pool, who }: Asker, name: string, path: string): string | undefined {
  switch (name.toLowerCase()) {
    case 'x-expiry':
      return chance.of(['60', '1', '86400', '99999999999']);
    case 'x-burn-after-read':
      return chance.of(['1', 'true', 'yes', '0', 'no']);
    case 'x-paste-password':
      return PASTE_PASSWORD;
    case 'x-paste-access-hash':
      return 'ab'.repeat(32);
    case 'idempotency-key':
      return chance.of(KEYS);
    case 'x-delete-token':
      return pool.pick(chance, 'delete_token', who, path.slice(1));
    case 'range':
      return chance.of(RANGES);
    case 'if-range':
    case 'if-none-match':
      return pool.pick(chance, 'etag', who) ?? '"0"';
    case 'accept':
      return chance.of(['text/html', 'application/json', '*/*', 'text/html;q=0.1, application/json']);
    case 'tus-resumable':
      return '1.0.0';
    case 'x-started-at':
      return STARTED;
    case 'x-ended-at':
      return ENDED;
    case 'x-media-type':
      return chance.of(MEDIA_HERE);
    case 'upload-offset':
      return String(chance.below(3) * 50);
    case 'upload-complete':
      return chance.of(['?1', '?0']);
    case 'upload-length':
      return String(100 + chance.below(300));
    case 'x-http-method-override':
      return chance.of(['PATCH', 'DELETE', 'HEAD']);
    case 'authorization':
      return `Bearer ${METRICS_TOKEN}`;
    default:
      return undefined;
  }
}

/** Of the profile that has metrics. */
export const METRICS_TOKEN = 'a-token-for-metrics';

const AGE_RECIPIENT = 'age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj';

/** Of members of documents and fields of forms. Undefined: the schema alone says what it can be. */
export function memberValue(asker: Asker, name: string, incident: string | undefined): unknown {
  const { chance, pool, who } = asker;
  const id = (kind: string) => pool.pick(chance, kind, who, incident) ?? pool.pick(chance, kind, who);
  switch (name) {
    case 'stream_id':
      return chance.once(3) ? id('str') : null;
    case 'incident_id':
      return id('inc');
    case 'contact_id':
      return id('ctc');
    case 'contact_public_key_id':
      return chance.once(4) ? id('cpk') : null;
    case 'grant_id':
      return id('sgr');
    case 'new_owner':
    case 'new_owner_account_id':
    case 'owner_account_id':
    case 'recipient_account_id':
      return id('acct');
    case 'ref':
      return id('ref');
    case 'username':
      return `somebody-${chance.below(100_000)}`;
    case 'email':
      return `somebody-${chance.below(1000)}@example.org`;
    case 'password':
    case 'new_password':
    case 'current_password':
      return PASSWORD;
    case 'media_type':
      return chance.of(MEDIA_HERE);
    case 'expiry':
      return chance.of([60, 3600, '86400']);
    case 'burn_after_read':
      return chance.of([true, false, false]);
    case 'allow_open':
      return true;
    case 'action':
      return chance.of(['assign_owner', 'keep_unowned']);
    case 'latitude':
      return chance.below(90);
    case 'role':
      return chance.of(['user', 'admin']);
    case 'expected_chunk_count':
      return chance.of([1, 1, 2, 3]);
    case 'expires_at':
      return chance.of(['2027-01-01T00:00:00Z', '2026-06-01T12:00:00+02:00']);
    case 'expires_in_seconds':
    case 'ttl_seconds':
      return 60 + chance.below(100_000);
    case 'reason_code':
      return chance.of(['owner_verified', 'operator_review', 'owner_request']);
    case 'reason':
      return chance.of(['lost_totp_device', 'lost_all_factors', 'operator_review']);
    case 'confirm':
      return 'yes';
    case 'public_key':
      return AGE_RECIPIENT;
    case 'wrapping_algorithm':
    case 'scheme':
      return 'age-v1';
    case 'suite_id':
      return 'x25519';
    case 'wrapping_algorithm_version':
      return '1';
    case 'key_state':
      return chance.of(['active', 'active', 'active', 'pending_verification']);
    case 'media_key_id':
    case 'key_id':
      return `key-${chance.below(40)}`;
    case 'code':
      return String(chance.below(1_000_000)).padStart(6, '0');
    case 'content':
      return `a text ${chance.below(1_000_000)}`;
    case 'content_b64':
      return btoa(`bytes ${chance.below(1_000_000)}`);
    default:
      return undefined;
  }
}

/** Queries that lists take. */
export function queryValue({ chance, pool, who }: Asker): readonly (readonly [string, string])[] {
  const limit = ['limit', chance.of(['1', '2', '100', '500', '501'])] as const;
  const cursor = pool.pick(chance, 'cursor', who) ?? pool.any(chance) ?? '';
  return chance.of<readonly (readonly [string, string])[]>([
    [limit],
    [limit, ['after', pool.any(chance) ?? '']],
    [['cursor', cursor]],
    [limit, ['cursor', cursor]],
    [['order', chance.of(['size', 'newest', 'expiry'])]],
    [['notice', 'account_created']],
  ]);
}
