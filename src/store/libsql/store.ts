/** The whole store on libSQL: the rooms put together. */
import type { Db } from '../db.ts';
import type { Store } from '../store.ts';
import { accountStore } from './accounts.ts';
import { auditStore } from './audit.ts';
import { bundleStore } from './bundles.ts';
import { checkinStore } from './checkins.ts';
import { chunkStore } from './chunks.ts';
import { contactKeyStore } from './contact-keys.ts';
import { deletionWorkStore } from './deletion-work.ts';
import { deletionStore } from './deletions.ts';
import { grantStore } from './grants.ts';
import { incidentStore } from './incidents.ts';
import { leaseStore } from './leases.ts';
import { limitStore } from './limiter.ts';
import { listingStore } from './listing.ts';
import { logStore } from './log.ts';
import { incidentListingStore } from './operator-incidents.ts';
import { outboxStore } from './outbox.ts';
import { pasteStore } from './pastes.ts';
import { reassignmentStore } from './reassignments.ts';
import { recipientKeyStore } from './recipient-keys.ts';
import { retentionStore } from './retention.ts';
import { secretKeyStore } from './secret-key.ts';
import { streamStore } from './streams.ts';
import { uploadStore } from './uploads.ts';
import { viewerStore } from './viewer.ts';
import { viewerTokenStore } from './viewer-tokens.ts';
import { vitals } from './vitals.ts';
import { wrappedKeyStore } from './wrapped-keys.ts';

/** @see Store */
export function libsqlStore(db: Db): Store {
  return {
    pastes: pasteStore(db),
    accounts: accountStore(db),
    audit: auditStore(db),
    listing: listingStore(db),
    secretKey: secretKeyStore(db),
    incidents: incidentStore(db),
    checkins: checkinStore(db),
    streams: streamStore(db),
    deletion: deletionStore(db),
    deletionWork: deletionWorkStore(db),
    retention: retentionStore(db),
    incidentListing: incidentListingStore(db),
    reassignments: reassignmentStore(db),
    chunks: chunkStore(db),
    uploads: uploadStore(db),
    bundles: bundleStore(db),
    viewerTokens: viewerTokenStore(db),
    viewer: viewerStore(db),
    contactKeys: contactKeyStore(db),
    recipientKeys: recipientKeyStore(db),
    grants: grantStore(db),
    wrappedKeys: wrappedKeyStore(db),
    log: logStore(db),
    limits: limitStore(db),
    leases: leaseStore(db),
    outbox: outboxStore(db),
    vitals: () => vitals(db),
  };
}
