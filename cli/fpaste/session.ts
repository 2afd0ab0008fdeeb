/** What all commands share: the world, the settings, how to say things and how to ask servers. */

import { loadRoute, ORDINARY_ROUTE, type Route } from '../shared/connection.ts';
import type { RetryPolicy } from '../shared/retry.ts';
import type { World } from '../shared/world.ts';
import type { Parsed } from './args.ts';
import { loadSettings, type Settings } from './config.ts';
import { type Output, outputOf } from './output.ts';
import { State } from './state.ts';

export interface Session {
  readonly world: World;
  readonly parsed: Parsed;
  readonly settings: Settings;
  readonly out: Output;
  readonly state: State;
  readonly policy: RetryPolicy;
  /** How the server of the settings is reached. */
  readonly route: Route;
}

/** Throws usage failures for settings and files that cannot be used. */
export async function openSession(world: World, parsed: Parsed): Promise<Session> {
  const out = outputOf(world, { json: parsed.has('json'), quiet: parsed.has('quiet') });
  const settings = await loadSettings(world, parsed);
  const policy: RetryPolicy = {
    enabled: !parsed.has('no-retry'),
    maxWaitSeconds: settings.maxWaitSeconds,
    now: world.now,
    sleep: world.sleep,
    jitter: () => (world.random(1)[0] ?? 0) / 255,
    say: out.say,
  };
  const route = await loadRoute({ ...settings, platform: world.platform });
  return { world, parsed, settings, out, state: new State(world), policy, route };
}

/**
 * How to reach `base`. Certificate, pin and authorities of the settings are for the server of the settings; a
 * link to another one gets of them only what was given as an option with it.
 */
export async function routeTo(session: Session, base: URL): Promise<Route> {
  const { parsed, settings, world } = session;
  if (base.origin === settings.server.origin) return session.route;
  if (!['client-certificate', 'server-fingerprint', 'ca-file'].some((option) => parsed.has(option)))
    return ORDINARY_ROUTE;
  const certificate = parsed.has('client-certificate');
  return await loadRoute({
    clientCertificate: certificate ? settings.clientCertificate : undefined,
    clientKey: certificate ? settings.clientKey : undefined,
    serverFingerprint: parsed.has('server-fingerprint') ? settings.serverFingerprint : undefined,
    caFile: parsed.has('ca-file') ? settings.caFile : undefined,
    platform: world.platform,
  });
}
