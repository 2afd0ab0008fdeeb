/** What the incident contract tests, and the incidents, streams, links and decisions that it makes. */
import type { AccountStore } from '../../src/store/accounts.ts';
import type { AuditAction, AuditEntry, AuditStore } from '../../src/store/audit.ts';
import type { Db } from '../../src/store/db.ts';
import type {
  Checkin,
  CheckinStore,
  DeletionStore,
  IncidentStore,
  NewDeletion,
  NewIncident,
  NewStream,
  StreamStore,
} from '../../src/store/incidents.ts';
import type { DeletionWorkStore, RetentionStore } from '../../src/store/letting-go.ts';
import type { IncidentListingStore, ReassignmentStore } from '../../src/store/operator-incidents.ts';
import type { Owned } from '../../src/store/owned.ts';
import type { NewViewerToken, ViewerTokenStore } from '../../src/store/viewing.ts';
import { accountId, accountOf, audit, hashOf, NOW } from './account-room.ts';

export interface IncidentStores {
  readonly accounts: Pick<AccountStore, 'create'>;
  readonly audit: AuditStore;
  readonly incidents: IncidentStore;
  readonly checkins: CheckinStore;
  readonly streams: StreamStore;
  readonly deletion: DeletionStore;
  readonly deletionWork: DeletionWorkStore;
  readonly retention: RetentionStore;
  readonly incidentListing: IncidentListingStore;
  readonly reassignments: ReassignmentStore;
  readonly viewerTokens: ViewerTokenStore;
}

export interface IncidentsUnderTest extends IncidentStores {
  readonly db: Db;
  /** The same stores by a second, independent driver, or undefined where there is no such thing. */
  readonly other: IncidentStores | undefined;
  /** What was written to the audit since the case began, oldest first. */
  audited(): Promise<AuditEntry[]>;
}

/** Makes stores in which accounts 1 and 2 are all there is. */
export type IncidentsFactory = () => Promise<IncidentsUnderTest>;

export type IncidentIt = (name: string, body: (subject: IncidentsUnderTest) => Promise<void>) => void;

/** An id with a number in place of the ULID, so that the order of numbers is the order of ids. */
const idOf = (prefix: string, n: number): string => `${prefix}_${String(n).padStart(26, '0')}`;
export const incidentId = (n: number): string => idOf('inc', n);
export const streamId = (n: number): string => idOf('str', n);
export const tokenId = (n: number): string => idOf('itk', n);
export const deletionId = (n: number): string => idOf('del', n);
export const blobOf = (n: number): string => idOf('chk', n);

/** Incident `n`, asked for by account `of`. */
export const owned = (n: number, of = 1): Owned => ({ incidentId: incidentId(n), accountId: accountId(of) });

/** An entry about incident `n`. */
export const about = (action: AuditAction, n: number): AuditEntry =>
  audit(action, { incidentId: incidentId(n), actorKind: 'account' });

/** Adds account `n`. */
export async function addAccount({ accounts }: Pick<IncidentStores, 'accounts'>, n: number): Promise<void> {
  if (!(await accounts.create(accountOf(n), audit('account_create')))) {
    throw new Error(`account ${n} is taken`);
  }
}

/** Begins incident `n` of account 1. */
export async function begin(
  { incidents }: IncidentStores,
  n: number,
  wish: Partial<NewIncident> = {},
): Promise<void> {
  const incident = { id: incidentId(n), ownerAccountId: accountId(1), createdAt: NOW, ...wish };
  await incidents.create(incident, about('incident_create', n));
}

/** More streams than an incident of the tests gets. */
export const MANY = 100;

export const streamOf = (n: number, incident: number, wish: Partial<NewStream> = {}): NewStream => ({
  id: streamId(n),
  incidentId: incidentId(incident),
  mediaType: 'audio',
  createdAt: NOW,
  ...wish,
});

/** Opens stream `n` of an incident of account 1. */
export async function open({ streams }: IncidentStores, n: number, incident: number): Promise<void> {
  const done = await streams.create(
    owned(incident),
    streamOf(n, incident),
    MANY,
    about('stream_create', incident),
  );
  if (done !== 'created') throw new Error(done);
}

export const checkinOf = (n: number, incident: number, wish: Partial<Checkin> = {}): Checkin => ({
  id: idOf('cin', n),
  incidentId: incidentId(incident),
  createdAt: NOW,
  ...wish,
});

export const tokenOf = (n: number, incident: number, wish: Partial<NewViewerToken> = {}): NewViewerToken => ({
  id: tokenId(n),
  incidentId: incidentId(incident),
  createdAt: NOW,
  tokenHash: hashOf(n),
  ...wish,
});

export const deletionOf = (n: number, incident: number, wish: Partial<NewDeletion> = {}): NewDeletion => ({
  id: deletionId(n),
  incidentId: incidentId(incident),
  source: 'account_request',
  actorAccountId: accountId(1),
  allowOpen: false,
  requestedAt: NOW,
  ...wish,
});

/** Asks for the deletion of an incident, as account 1. */
export const remove = (
  { deletion }: IncidentStores,
  n: number,
  incident: number,
  wish: Partial<NewDeletion> = {},
) => deletion.request(deletionOf(n, incident, wish), accountId(1), about('incident_delete', incident));

/** Puts chunk `n` into a stream, or into none: the row alone, of which everything here is counted. */
export async function addChunk(
  { db }: Pick<IncidentsUnderTest, 'db'>,
  n: number,
  where: { readonly incident: number; readonly stream?: number; readonly index: number },
  size = 10,
): Promise<void> {
  const sql = `INSERT INTO chunks (id, incident_id, stream_id, chunk_index, media_type, started_at, ended_at,
      byte_size, sha256, crc32, fingerprint, blob, created_at)
    VALUES (?, ?, ?, ?, 'audio', '2026-01-02T03:04:05Z', '2026-01-02T03:04:06Z', ?, ?, 1, ?, ?, ?)`;
  const stream = where.stream === undefined ? null : streamId(where.stream);
  const place = [blobOf(n), incidentId(where.incident), stream, where.index];
  await db.batch([{ sql, args: [...place, size, hashOf(n), hashOf(n), blobOf(n), NOW] }], 'write');
}

/** Puts an incident into a state of its deletion, as a worker would. */
export async function setState(
  { db }: Pick<IncidentsUnderTest, 'db'>,
  n: number,
  state: string,
): Promise<void> {
  const sql = 'UPDATE incidents SET deletion_state = ? WHERE id = ?';
  await db.batch([{ sql, args: [state, incidentId(n)] }], 'write');
}

/** The rows of a query. */
export async function rows(
  { db }: Pick<IncidentsUnderTest, 'db'>,
  sql: string,
): Promise<readonly (readonly unknown[])[]> {
  return (await db.batch([{ sql }], 'read'))[0]?.rows ?? [];
}

/** The other driver where there is one: what is told to both is told over two connections. */
export const both = (subject: IncidentsUnderTest): readonly [IncidentStores, IncidentStores] => [
  subject,
  subject.other ?? subject,
];

/** What was written to the audit about an action, as outcomes. */
export async function outcomes(subject: IncidentsUnderTest, action: AuditAction): Promise<readonly string[]> {
  return (await subject.audited()).filter((entry) => entry.action === action).map(({ outcome }) => outcome);
}
