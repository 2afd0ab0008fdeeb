/** What the overview says of this deployment: both doors, limits, sums. */
import type { Deps } from '../../core/deps.ts';
import { listAccounts } from '../../core/operator-listing.ts';
import { logFacts } from '../../core/operator-log.ts';
import { pasteStats } from '../../core/operator-pastes.ts';
import type { LimitGroup, ListenerSettings, Settings } from '../../core/settings.ts';
import { addressText } from '../../core/settings.ts';
import { VERSION } from '../../core/version.ts';
import type { Endpoint } from '../kit/route.ts';
import { type DoorView, type LimitGroupView, overviewPage } from '../pages/overview.ts';
import { bytes } from '../pages/parts.ts';
import { warningsOf } from './warnings.ts';
import { type DashboardSession, viewerOf } from './web.ts';

const ACCOUNTS_SHOWN = '5';

/** The dashboard of a session that may see it. */
export async function overview(
  deps: Deps,
  session: DashboardSession,
  endpoints: readonly Endpoint[],
  notice: string | undefined,
): Promise<string> {
  const { settings } = deps;
  const [pastes, counts, page, log, diskFreeBytes, webhooks] = await Promise.all([
    pasteStats(deps),
    deps.store.accounts.counts(),
    listAccounts(deps, null, ACCOUNTS_SHOWN),
    logFacts(deps),
    deps.diskFree?.(),
    settings.webhook && deps.store.webhooks.state(),
  ]);
  return overviewPage({
    viewer: viewerOf(session),
    notice,
    warnings: warningsOf(deps, { pasteBytes: pastes.bytes, admins: counts.admins, diskFreeBytes, webhooks }),
    doors: [mainDoor(settings), adminDoor(settings, endpoints)],
    limits: limitGroups(settings),
    pastes,
    pasteQuotaBytes: settings.paste.storageQuotaBytes,
    diskFreeBytes,
    counts,
    uptimeMs: Math.max(0, deps.now() - deps.startedAt),
    version: VERSION,
    accounts: page.accounts,
    accountId: session.live.account.id,
    factors: session.live.activeFactors,
    mail: settings.email.backend !== 'none',
    log: { ...log, timestamping: settings.timestampUrl !== undefined },
    webhooks: webhooks && { state: webhooks, events: settings.webhook?.events ?? [], now: deps.now() },
  });
}

const listens = ({ addresses, tls }: ListenerSettings) =>
  `${addresses.map(addressText).join(', ')}${tls === undefined ? '' : ', TLS'}`;

const REGISTRATION: Readonly<Record<Settings['registration']['mode'], string>> = {
  disabled: 'off',
  admin_only: 'by an admin',
  open: 'open to anybody',
  paid: 'by payment',
};

/** The main door's table is the other listener's, and not known here: what it serves follows from the settings. */
function mainDoor(settings: Settings): DoorView {
  const { paste, registration, web, webauthn, urlPrefix } = settings;
  const sealed = paste.minEntropy > 0 ? 'sealed ones only' : 'sealed and plain';
  const who = paste.create === 'anyone' ? 'anyone' : 'holders of a client certificate';
  return {
    name: 'Main door',
    rows: [
      ['Listens on', listens(settings.main)],
      ['Pastes', `${urlPrefix}/, ${sealed}`],
      ['Who creates them', who],
      [
        'Largest paste',
        `${bytes(paste.maxBytesAnonymous)}, ${bytes(paste.maxBytesIdentified)} with a certificate`,
      ],
      ['Proof of work', paste.powDifficulty === 0 ? 'none' : `${paste.powDifficulty} bits`],
      ['Client', `${urlPrefix}/client`],
      ['Accounts', '/v1/auth, /v1/account'],
      ['Registration', REGISTRATION[registration.mode]],
      ['Browser sessions', web.enabled ? 'on' : 'off'],
      ['Passkeys', webauthn.enabled ? 'on' : 'off'],
    ],
  };
}

function adminDoor(settings: Settings, endpoints: readonly Endpoint[]): DoorView {
  const routes = endpoints.map(({ method, pattern }) => `${method} ${pattern}`).sort();
  const json = endpoints.filter(({ pattern }) => pattern.startsWith('/admin/api/')).length;
  const { email } = settings;
  return {
    name: 'Private door',
    rows: [
      ['Listens on', listens(settings.admin)],
      ['Dashboard', `/admin, ${endpoints.length - json} routes`],
      ['JSON', `/admin/api, ${json} routes`],
      ['Shared with the main door', 'no route'],
      ['Mail', email.backend === 'none' ? 'off' : `${email.host}:${email.port}`],
    ],
    routes,
  };
}

function limitGroups({ limits }: Settings): LimitGroupView[] {
  const view = (name: string, { enabled, windowMs, perWindow }: LimitGroup<never>): LimitGroupView => ({
    name,
    enabled,
    windowMs,
    classes: Object.entries<number>(perWindow),
  });
  return [
    view('Main door', limits.main),
    view('Viewer links and static files', limits.viewer),
    view('Private door', limits.admin),
  ];
}
