/** The whole store on libSQL: the rooms put together. */
import type { Db } from '../db.ts';
import type { Store } from '../store.ts';
import type { WebhookEvent } from '../webhooks.ts';
import { accountStore } from './accounts.ts';
import { auditStore } from './audit.ts';
import { bundleStore } from './bundles.ts';
import { checkinStore } from './checkins.ts';
import { chunkMoveStore } from './chunk-moves.ts';
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
import { eventNotes, webhookStore } from './webhooks.ts';
import { wrappedKeyStore } from './wrapped-keys.ts';

/**
 * @see Store
 * @param webhookEvents what somebody wants to know of pastes: it is written down in the batch that does it
 */
export function libsqlStore(db: Db, webhookEvents: Iterable<WebhookEvent> = []): Store {
  const notes = eventNotes(new Set(webhookEvents));
  return {
    pastes: pasteStore(db, notes),
    accounts: accountStore(db),
    audit: auditStore(db),
    listing: listingStore(db, notes),
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
    chunkMoves: chunkMoveStore(db),
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
    webhooks: webhookStore(db),
    vitals: () => vitals(db),
  };
}
