/** Metrics of a whole server, as Prometheus sees them: its own linter, its own engine, the dashboard and the alerts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { METRICS } from '../../src/core/metrics-table.ts';
import { ensurePrometheus, type PrometheusPrograms } from '../../tools/prometheus.ts';
import { type Prometheus, startPrometheus } from '../support/prometheus.ts';
import { runtimes, startServer, type TestServer } from '../support/server.ts';

const TOKEN = 'the-metrics-token-of-a-test';
const AS = { authorization: `Bearer ${TOKEN}` };
const SETTINGS = {
  SAFE_METRICS_TOKEN: TOKEN,
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
};
const file = (path: string) => new URL(`../../${path}`, import.meta.url);

const found = ensurePrometheus();
const programs = (): PrometheusPrograms => {
  assert.ok(found, 'Prometheus is needed here, and could not be installed: apt-get install prometheus');
  return found;
};

async function scrape(server: TestServer): Promise<string> {
  const response = await fetch(`${server.admin}/metrics`, { headers: AS });
  assert.equal(response.status, 200);
  return response.text();
}
const readingOf = (text: string, series: string) => {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
};

let sent = 0;
/** A little of everything, at both doors. */
async function use(server: TestServer): Promise<void> {
  for (const headers of [{}, { 'x-burn-after-read': '1' }]) {
    sent += 1;
    const made = await fetch(`${server.main}/`, { method: 'POST', body: `paste ${sent}`, headers });
    const { id, delete_token: token } = (await made.json()) as { id: string; delete_token: string };
    await (await fetch(`${server.main}/${id}/raw`)).text();
    await fetch(`${server.main}/${id}`, { method: 'DELETE', headers: { 'x-delete-token': token } });
  }
  for (const place of [`${server.main}/nothing/here`, `${server.admin}/admin`, `${server.admin}/nothing`])
    await (await fetch(place)).text();
}

/** Sends bytes that are no HTTP, and waits for the end of the connection. */
function babble(url: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
    socket.on('error', () => {}).on('close', () => resolve());
    socket.resume().end('this is no HTTP\r\n\r\n');
  });
}

for (const runtime of runtimes) {
  describe(`metrics of a server on ${runtime}`, () => {
    it('are what promtool wants, but for the names that are older; and right for both doors and after a restart', async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'sallyport-metrics-'));
      t.after(() => rm(folder, { recursive: true, force: true }));
      {
        await using server = await startServer({ runtime, folder, settings: SETTINGS });
        await use(server);
        await Promise.all([babble(server.main), babble(server.admin)]);
        const text = await scrape(server);
        const lint = spawnSync(programs().promtool, ['check', 'metrics'], { input: text, encoding: 'utf8' });
        const remarks = lint.stderr.split('\n').filter((line) => line !== '');
        assert.deepEqual(
          remarks.sort(),
          ['created', 'deleted', 'expired'].map(
            (name) => `flaskpaste_pastes_${name} counter metrics should have "_total" suffix`,
          ),
        );
        const count = (labels: string) =>
          readingOf(text, `flaskpaste_request_duration_seconds_count{${labels}}`);
        for (const [labels, expected] of [
          ['listener="main",route="/",method="POST",status="201"', 2],
          ['listener="main",route="/{id}/raw",method="GET",status="200"', 2],
          ['listener="main",route="/{id}",method="DELETE",status="200"', 1],
          ['listener="main",route="/{route}",method="GET",status="404"', 1],
          ['listener="main",route="/{route}",method="OTHER",status="400"', 1],
          ['listener="admin",route="/admin",method="GET",status="200"', 1],
          ['listener="admin",route="/{route}",method="GET",status="404"', 1],
          ['listener="admin",route="/{route}",method="OTHER",status="400"', 1],
        ] as const)
          assert.equal(count(labels), expected, labels);
        assert.equal(readingOf(text, 'flaskpaste_pastes_total'), 2);
        assert.equal(readingOf(text, 'flaskpaste_pastes_deleted'), 2);
        assert.ok((readingOf(text, 'sallyport_wal_bytes') ?? 0) > 0);
        assert.ok((readingOf(text, 'sallyport_disk_free_bytes') ?? 0) > 0);
        assert.ok(/^process_resident_memory_bytes [1-9]/m.test(text));
        await server.stop();
      }
      await using server = await startServer({ runtime, folder, settings: SETTINGS });
      const text = await scrape(server);
      assert.equal(readingOf(text, 'flaskpaste_pastes_total'), 2, 'all that were ever created');
      assert.equal(readingOf(text, 'flaskpaste_pastes_created'), 0, 'since this start');
      assert.ok(!text.includes('route="/{id}"'));
    });
  });
}

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string }[];
}

describe('what is made of metrics', () => {
  let server: TestServer;
  let prometheus: Prometheus;
  let dashboard: {
    readonly panels: readonly Panel[];
    readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
  };

  before(async () => {
    dashboard = JSON.parse(await readFile(file('deploy/grafana/sallyport.json'), 'utf8'));
    server = await startServer({ settings: SETTINGS });
    prometheus = await startPrometheus({
      program: programs().prometheus,
      target: new URL(server.admin).host,
      token: TOKEN,
      rules: file('deploy/prometheus/sallyport.rules.yml').pathname,
    });
    await use(server);
    for (;;) {
      const [seen] = await prometheus.query(
        'count_over_time(flaskpaste_request_duration_seconds_count{status="201"}[1m])',
      );
      if ((seen?.value ?? 0) >= 4) break;
      await use(server);
    }
  });
  after(async () => {
    await prometheus?.close();
    await server?.stop();
  });

  const filledIn = (expression: string) =>
    expression
      .replaceAll('$__rate_interval', '10s')
      .replaceAll('$job', 'sallyport')
      .replaceAll('$instance', '.*');

  it('every query of the Grafana dashboard has an answer', async () => {
    const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => [title, filledIn(expr)] as const),
    );
    assert.ok(queries.length > 40);
    for (const [title, query] of queries) {
      assert.doesNotMatch(query, /\$/, title);
      const samples = await prometheus.query(query);
      assert.ok(samples.length > 0, `${title}: ${query}`);
      for (const { value } of samples) assert.ok(!Number.isNaN(value) || query.includes('quantile'), query);
    }
  });

  it('the dashboard’s choices find the job and its instance', async () => {
    const choices = dashboard.templating.list.filter(({ name }) => name !== 'datasource');
    for (const { name, query } of choices) {
      const text = filledIn((query as { query: string }).query);
      const [, series = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(text) ?? [];
      const values = await prometheus.get(`label/${label}/values?match[]=${encodeURIComponent(series)}`);
      assert.deepEqual(values, [name === 'job' ? 'sallyport' : new URL(server.admin).host]);
    }
  });

  it('the dashboard shows everything of the table', () => {
    const shown = JSON.stringify(dashboard.panels);
    for (const name of Object.keys(METRICS)) assert.ok(shown.includes(name), name);
  });

  it('the alerts are taken, are silent while all is well, and speak of series that are there', async () => {
    const { groups } = (await prometheus.get('rules')) as {
      readonly groups: readonly {
        readonly rules: readonly {
          readonly name: string;
          readonly query: string;
          readonly lastError?: string;
          readonly alerts: unknown[];
        }[];
      }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    assert.ok(rules.length >= 10);
    const page = await readFile(file('docs/metrics.md'), 'utf8');
    for (const { name, query, lastError, alerts } of rules) {
      assert.equal(lastError ?? '', '', name);
      assert.deepEqual(alerts, [], name);
      assert.ok(page.includes(`\`${name}\``), `docs/metrics.md says what ${name} means`);
      for (const [series] of query.matchAll(
        /\b(?:up|(?:sallyport|flaskpaste|nodejs)_[a-z0-9_]+)\b(?=[{[ ])/g,
      )) {
        assert.ok((await prometheus.query(series)).length > 0, `${name}: ${series}`);
      }
    }
  });
});
