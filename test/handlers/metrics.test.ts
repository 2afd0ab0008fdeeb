/** Metrics: who may have them, that they count right, and that nothing of a caller gets into them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { promMetrics } from '../../runtime/metrics.ts';
import { METRICS } from '../../src/core/metrics-table.ts';
import { DbError } from '../../src/store/db.ts';
import { type House, type HouseOptions, inHouse } from '../support/house.ts';
import { askHouse, brokenStore, type DoorName, situations } from './situations.ts';

const TOKEN = 'the-metrics-token-of-a-test';
const AS = { headers: { authorization: `Bearer ${TOKEN}` } };

/** A house that is measured. */
const watched = (use: (house: House) => Promise<void>, options: HouseOptions = {}) =>
  inHouse(
    {
      ...options,
      env: { ...options.env, SAFE_METRICS_TOKEN: TOKEN },
      ports: { ...options.ports, metrics: promMetrics() },
    },
    use,
  );

/** What a scrape says: the value of each series, by its name and labels as they are written. */
async function scraped(house: House): Promise<ReadonlyMap<string, number>> {
  const { status, text } = await askHouse(house, 'admin', '/metrics', AS);
  assert.equal(status, 200);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))] as const;
    }),
  );
}

const REQUESTS = 'flaskpaste_request_duration_seconds';
const requests = (door: DoorName, route: string, method: string, status: number) =>
  `${REQUESTS}_count{listener="${door}",route="${route}",method="${method}",status="${status}"}`;

interface Made {
  readonly id: string;
  readonly delete_token: string;
}
let sent = 0;
async function paste(house: House, headers: Record<string, string> = {}): Promise<Made> {
  sent += 1;
  const answer = await askHouse(house, 'main', '/', { method: 'POST', body: `paste ${sent}`, headers });
  assert.equal(answer.status, 201);
  return JSON.parse(answer.text) as Made;
}
const drop = (house: House, made: Made) =>
  askHouse(house, 'main', `/${made.id}`, {
    method: 'DELETE',
    headers: { 'x-delete-token': made.delete_token },
  });

describe('who may have metrics', () => {
  it('nobody where no token is set: the answer is the one of a path that is not there', () =>
    inHouse({}, async (house) => {
      const ask = async (path: string) => {
        const headers = { ...AS.headers, 'x-request-id': 'here' };
        const { status, headers: answered, text } = await askHouse(house, 'admin', path, { headers });
        return [status, text, [...answered]];
      };
      const absent = await ask('/metrics');
      assert.equal(absent[0], 404);
      assert.deepEqual(absent, await ask('/nothing-is-here'));
    }));

  it('whoever shows the token, written in whatever case the scheme is', () =>
    watched(async (house) => {
      for (const authorization of [`Bearer ${TOKEN}`, `bearer ${TOKEN}`, `BEARER ${TOKEN}`]) {
        const answer = await askHouse(house, 'admin', '/metrics', { headers: { authorization } });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
        assert.equal(answer.headers.get('cache-control'), 'no-store');
      }
    }));

  it('nobody else, however near', () =>
    watched(async (house) => {
      for (const authorization of [
        undefined,
        '',
        'Bearer',
        TOKEN,
        `Basic ${TOKEN}`,
        `Bearer ${TOKEN}x`,
        `Bearer ${TOKEN.slice(0, -1)}`,
        `Bearer ${TOKEN.toUpperCase()}`,
        `Bearer ${TOKEN} ${TOKEN}`,
        `Bearer ${TOKEN}, Bearer ${TOKEN}`,
      ]) {
        const headers = authorization === undefined ? {} : { authorization };
        const answer = await askHouse(house, 'admin', '/metrics', { headers });
        assert.deepEqual(
          [answer.status, answer.code],
          [401, 'authentication_required'],
          authorization ?? 'none',
        );
      }
      for (const path of [`/metrics?token=${TOKEN}`, `/metrics?access_token=${TOKEN}`])
        assert.equal((await askHouse(house, 'admin', path)).status, 401, 'never from a query');
    }));

  it('and the token opens nothing else', () =>
    watched(async (house) => {
      for (const [door, path] of [
        ['admin', '/admin/api/stats'],
        ['main', '/v1/account'],
      ] as const)
        assert.equal((await askHouse(house, door, path, AS)).code, 'authentication_required');
      assert.equal((await askHouse(house, 'main', '/metrics', AS)).code, 'not_found');
    }));
});

describe('what metrics say', () => {
  it('every row of the table, with its kind and its help', () =>
    watched(async (house) => {
      await paste(house);
      const { text } = await askHouse(house, 'admin', '/metrics', AS);
      for (const [name, { kind, help }] of Object.entries(METRICS)) {
        assert.ok(text.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`), name);
      }
      const own = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name);
      const others = own.filter((name) => !(name in METRICS));
      assert.ok(others.length > 10);
      for (const name of others) assert.match(name, /^(process|nodejs)_/);
    }));

  it('pastes as they come and go', () =>
    watched(async (house) => {
      const [first] = [await paste(house), await paste(house), await paste(house, { 'x-expiry': '60' })];
      const burning = await paste(house, { 'x-burn-after-read': '1' });
      await drop(house, first);
      await drop(house, first);
      await askHouse(house, 'main', `/${burning.id}/raw`);
      await askHouse(house, 'main', `/${burning.id}/raw`);
      house.clock.advance(61_000);
      await house.sweep();
      const said = await scraped(house);
      const read = (name: string) => said.get(name);
      assert.deepEqual(
        ['total', 'created', 'deleted', 'expired'].map((name) => read(`flaskpaste_pastes_${name}`)),
        [4, 4, 2, 1],
      );
      assert.equal(read('sallyport_pastes_burned_total'), 1);
      assert.equal(read('sallyport_pastes'), 1);
      assert.equal(read('flaskpaste_storage_bytes'), (await house.deps.store.pastes.totals()).bytes);
    }));

  it('the operator’s deletion as one, and a repeated create as none', () =>
    watched(async (house) => {
      const key = { 'idempotency-key': 'one-and-the-same-key' };
      for (const status of [201, 200]) {
        const init = { method: 'POST', body: 'twice the same', headers: key };
        assert.equal((await askHouse(house, 'main', '/', init)).status, status);
      }
      const [kept] = await house.deps.store.listing.pastes(undefined, 1);
      const { deletePasteByRef } = await import('../../src/core/operator-pastes.ts');
      const origin = { listener: 'admin', routeClass: 'admin_json', actorKind: 'admin' } as const;
      await deletePasteByRef(house.deps, origin, kept?.ref ?? '');
      const said = await scraped(house);
      assert.equal(said.get('flaskpaste_pastes_created'), 1);
      assert.equal(said.get('flaskpaste_pastes_deleted'), 1);
    }));

  it('all that were ever created also after a restart, while other counters begin anew', async () => {
    await watched(async (before) => {
      await drop(before, await paste(before));
      await paste(before);
      await watched(
        async (after) => {
          await paste(after);
          const said = await scraped(after);
          assert.equal(said.get('flaskpaste_pastes_total'), 3);
          assert.equal(said.get('flaskpaste_pastes_created'), 1);
          assert.equal(said.get('flaskpaste_pastes_deleted'), 0);
        },
        { data: before.db, clock: before.clock },
      );
    });
  });

  it('requests of both doors, by pattern, method and status', () =>
    watched(async (house) => {
      const made = await paste(house);
      await askHouse(house, 'main', `/${made.id}`);
      await askHouse(house, 'main', `/${made.id}/raw`);
      await askHouse(house, 'main', `/${made.id}/raw`, { method: 'HEAD' });
      await askHouse(house, 'admin', '/admin');
      await scraped(house);
      const said = await scraped(house);
      assert.equal(said.get(requests('main', '/', 'POST', 201)), 1);
      assert.equal(said.get(requests('main', '/{id}', 'GET', 200)), 1);
      assert.equal(said.get(requests('main', '/{id}/raw', 'GET', 200)), 1);
      assert.equal(said.get(requests('main', '/{id}/raw', 'HEAD', 200)), 1);
      assert.equal(said.get(requests('admin', '/admin', 'GET', 200)), 1);
      assert.equal(said.get(requests('admin', '/metrics', 'GET', 200)), 1, 'the scrape before');
      const counts = [...said].filter(([name]) => name.startsWith(`${REQUESTS}_count`));
      const buckets = [...said].filter(
        ([name]) => /_bucket\{le="\+Inf"/.test(name) && name.startsWith(REQUESTS),
      );
      assert.deepEqual(
        buckets.map(([, value]) => value),
        counts.map(([, value]) => value),
      );
    }));

  it('under a prefix, the patterns as they are asked for', () =>
    watched(
      async (house) => {
        await askHouse(house, 'main', '/some/where/challenge');
        const said = await scraped(house);
        assert.equal(said.get(requests('main', '/some/where/challenge', 'GET', 200)), 1);
      },
      { env: { SAFE_URL_PREFIX: '/some/where' } },
    ));

  it('a body when all of it has left', () =>
    watched(async (house) => {
      const body = 'x'.repeat(3 * 1024 * 1024 - 10);
      const made = await askHouse(house, 'main', '/', { method: 'POST', body });
      const { id } = JSON.parse(made.text) as Made;
      const response = await house.main(new Request(`http://door.test/${id}/raw`));
      const series = requests('main', '/{id}/raw', 'GET', 200);
      assert.equal((await scraped(house)).get(series), undefined);
      await response.arrayBuffer();
      assert.equal((await scraped(house)).get(series), 1);
    }));

  it('whatever is asked for that is not there as one series a method, and strange methods as one', () =>
    watched(async (house) => {
      for (const door of ['main', 'admin'] as const) {
        for (let n = 0; n < 50; n += 1) {
          await askHouse(house, door, `/nothing/${n}/${'x'.repeat(n)}`);
          await askHouse(house, door, `/v1/incidents/${n}/nothing`, { method: 'DELETE' });
          await askHouse(house, door, `/${n}`, { method: `METHOD${n}` });
          await askHouse(house, door, `/${n}/raw`);
        }
      }
      const said = [...(await scraped(house)).keys()].filter((name) => name.startsWith(`${REQUESTS}_count`));
      assert.deepEqual(
        said.sort(),
        (['admin', 'main'] as const)
          .flatMap((door) =>
            ['DELETE', 'GET', 'OTHER'].map((method) => requests(door, '/{route}', method, 404)),
          )
          .sort(),
      );
    }));

  it('what a house is about: incidents, deletions, uploads, mail', () =>
    watched(async (house) => {
      const said = await scraped(house);
      for (const name of [
        'sallyport_incidents{status="open"}',
        'sallyport_incidents{status="closed"}',
        'sallyport_deletions_pending',
        'sallyport_deletions_failed',
        'sallyport_deletion_oldest_seconds',
        'sallyport_staged_bytes',
        'sallyport_mail_outbox_length',
      ])
        assert.equal(said.get(name), 0, name);
      assert.ok((said.get('sallyport_database_bytes') ?? 0) > 100_000);
      assert.equal(said.get('sallyport_store_up'), 1);
      assert.equal(said.get('sallyport_paste_quota_bytes'), 10 * 1024 ** 3);
    }));
});

describe('when the database is away', () => {
  it('a scrape is answered, says so, and tells nothing old', () => {
    const broken = brokenStore(() => new DbError('busy', 'not there'));
    let away = false;
    return watched(async (house) => {
      const working = house.deps.store;
      const vitals = () => (away ? Promise.reject(new DbError('busy', 'a secret text')) : working.vitals());
      const deps = { ...house.deps, store: { ...broken, vitals } };
      const { createAdmin } = await import('../../src/handlers/admin.ts');
      const partly = { ...house, admin: createAdmin(deps) };
      await paste(house);
      assert.equal((await scraped(partly)).get('flaskpaste_pastes_total'), 1);
      away = true;
      const said = await scraped(partly);
      assert.equal(said.get('sallyport_store_up'), 0);
      for (const name of said.keys()) {
        assert.ok(
          !/^flaskpaste_(pastes_total|storage_bytes)|^sallyport_(pastes|incidents)\b/.test(name),
          name,
        );
      }
      assert.equal(said.get('flaskpaste_pastes_created'), 1);
      assert.ok(!JSON.stringify(house.log).includes('a secret text'));
      away = false;
      assert.equal((await scraped(partly)).get('flaskpaste_pastes_total'), 1);
    });
  });
});

describe('nothing that a caller sends gets into metrics', () => {
  for (const situation of situations) {
    it(situation.name, () =>
      watched(async (house) => {
        const mark = 'mark0123456789abcdef';
        const secrets = new Set<string>();
        await situation.run(
          async (door, path, init) => {
            const answer = await askHouse(house, door, path, init);
            if (path.startsWith('/metrics')) return answer;
            for (const [found] of answer.text.matchAll(
              /\b[0-9a-z]{26}\b|\b[0-9a-f]{32}\b|[A-Za-z0-9_-]{43}/g,
            ))
              secrets.add(found);
            return answer;
          },
          mark,
          house,
        );
        const text = await house.deps.metrics.render();
        assert.ok(text.includes(`${REQUESTS}_count`));
        assert.ok(!text.toLowerCase().includes(mark));
        for (const secret of secrets) assert.ok(!text.includes(secret), secret);
        const routes = [...text.matchAll(/route="([^"]*)"/g)].map(([, route = '']) => route);
        for (const route of routes) assert.match(route, /^\/(?:[a-z0-9_.-]+|\{[a-z0-9_]+\}|\/)*$/);
      }, situation.options),
    );
  }
});
