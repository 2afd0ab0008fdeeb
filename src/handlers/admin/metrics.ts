/** What Prometheus fetches, behind a token of its own: no session, no account, and no route where there is no token. */
import { Fault } from '../../core/faults.ts';
import { scrape } from '../../core/metrics.ts';
import { equalBytes } from '../../crypto/compare.ts';
import { sha256, utf8 } from '../../crypto/hash.ts';
import { text } from '../kit/reply.ts';
import { adminRoute, type Gate, noParams } from '../kit/route.ts';

/** The exposition format's own type: https://prometheus.io/docs/instrumenting/exposition_formats/ */
const TEXT_FORMAT = 'text/plain; version=0.0.4; charset=utf-8';

// Digests are compared, so that not even the length of the token shows in the time.
const digest = (token: string) => sha256(utf8(token));

/** The bearer token that the operator set. Sessions open nothing here, and this token opens nothing else. */
const metricsToken: Gate<true> = {
  name: 'metrics token',
  faults: ['not_found', 'authentication_required'],
  prove({ deps, request }) {
    const wanted = deps.settings.metricsToken;
    if (wanted === undefined) throw new Fault('not_found');
    const [, given] = /^Bearer (\S+)$/i.exec((request.headers.get('authorization') ?? '').trim()) ?? [];
    if (given === undefined || !equalBytes(digest(given), digest(wanted)))
      throw new Fault('authentication_required');
    return true;
  },
};

export const read = adminRoute({
  id: 'metrics.read',
  method: 'GET',
  path: '/metrics',
  limit: 'admin_json',
  gate: metricsToken,
  params: noParams,
  summary: 'Metrics for Prometheus; not there unless SAFE_METRICS_TOKEN is set.',
  headers: { Authorization: { description: 'Bearer and the token.', required: true } },
  answers: { 200: { description: 'Metrics in the text format of Prometheus.', types: [TEXT_FORMAT] } },
  faults: [],
  reply: async ({ deps }) => text(200, await scrape(deps), { 'content-type': TEXT_FORMAT }),
});

export const metricsRoutes = [read];
