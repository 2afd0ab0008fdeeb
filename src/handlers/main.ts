/** The main door: everything that may face the public, and nothing of the operator. */
import type { Deps } from '../core/deps.ts';
import type { Settings } from '../core/settings.ts';
import type { Route } from './kit/route.ts';
import { type Handler, serve } from './kit/serve.ts';
import { accountRoutes } from './main/account.ts';
import { authRoutes } from './main/auth.ts';
import { bundleRoutes } from './main/bundles.ts';
import { challengeRoutes } from './main/challenge.ts';
import { checkinRoutes } from './main/checkins.ts';
import { chunkRoutes } from './main/chunks.ts';
import { clientRoutes } from './main/client.ts';
import { contactKeyRoutes } from './main/contact-keys.ts';
import { deletionRoutes } from './main/deletion.ts';
import { factorRoutes } from './main/factors.ts';
import { incidentRoutes } from './main/incidents.ts';
import { passkeyRoutes } from './main/passkeys.ts';
import { pasteRoutes } from './main/pastes.ts';
import { recipientKeyRoutes } from './main/recipient-keys.ts';
import { sessionRoutes } from './main/sessions.ts';
import { sharingRoutes } from './main/sharing.ts';
import { staticRoutes } from './main/static.ts';
import { streamRoutes } from './main/streams.ts';
import { uploadRoutes } from './main/uploads.ts';
import { legacyViewerRoutes, viewerRoutes } from './main/viewer.ts';
import { viewerTokenRoutes } from './main/viewer-tokens.ts';
import { wrappedKeyRoutes } from './main/wrapped-keys.ts';

export type { Peer } from './kit/peer.ts';
export type { Handler } from './kit/serve.ts';

/** The main listener's one table. */
export const mainRoutes: readonly Route<'main'>[] = [
  ...pasteRoutes,
  ...challengeRoutes,
  ...clientRoutes,
  ...authRoutes,
  ...sessionRoutes,
  ...accountRoutes,
  ...factorRoutes,
  ...passkeyRoutes,
  ...incidentRoutes,
  ...checkinRoutes,
  ...streamRoutes,
  ...deletionRoutes,
  ...chunkRoutes,
  ...uploadRoutes,
  ...viewerTokenRoutes,
  ...bundleRoutes,
  ...contactKeyRoutes,
  ...recipientKeyRoutes,
  ...sharingRoutes,
  ...wrappedKeyRoutes,
  ...viewerRoutes,
  ...staticRoutes,
];

/** What the main listener serves under these settings: its table, and links in their old form where they are asked for. */
export function mainRoutesUnder(settings: Pick<Settings, 'legacyViewerAliases'>): readonly Route<'main'>[] {
  return settings.legacyViewerAliases ? [...mainRoutes, ...legacyViewerRoutes] : mainRoutes;
}

/** The main listener as a function of requests. */
export function createMain(deps: Deps): Handler {
  return serve<'main'>('main', mainRoutesUnder(deps.settings), deps);
}
