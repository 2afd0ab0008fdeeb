import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inHouse } from '../support/house.ts';

const asked = (host?: string) =>
  new Request('http://admin/admin', host === undefined ? {} : { headers: { host } });

describe('the private door', () => {
  it('answers to addresses, and to names that no stranger can have', () =>
    inHouse({}, async ({ admin }) => {
      for (const host of [
        undefined,
        '127.0.0.1:8081',
        '[::1]:8081',
        '10.1.2.3',
        'localhost:8081',
        'LOCALHOST',
        'vault',
        'vault:8081',
        'vault.home.arpa',
        'Vault.Local.',
        'admin.internal:443',
      ])
        assert.equal((await admin(asked(host))).status, 200, String(host));
    }));

  it('refuses a name that a stranger could own and point here, before it counts or looks at anything', () =>
    inHouse(
      { env: { SAFE_ADMIN_RATE_LIMIT_ENABLED: 'true', SAFE_ADMIN_RATE_LIMIT_DASHBOARD: '2' } },
      async ({ admin, main }) => {
        const hosts = [
          'rebound.attacker.net',
          'attacker.net:8081',
          '127.0.0.1.attacker.net',
          'localhost.attacker.net',
          'internal.attacker.net.',
          'notlocal.xlocal.net',
          'a.b..net',
        ];
        for (const host of hosts) {
          const refused = await admin(asked(host));
          assert.equal(refused.status, 421, host);
          assert.match(await refused.text(), /SAFE_ADMIN_HOSTS/);
          // What a link of the public door names is not this door's matter.
          assert.notEqual((await main(asked(host))).status, 421);
        }
        assert.equal((await admin(asked('127.0.0.1:8081'))).status, 200);
      },
    ));

  it('answers to the names that the operator gave it', () =>
    inHouse({ env: { SAFE_ADMIN_HOSTS: 'Admin.Vault.net, ops.vault.net' } }, async ({ admin }) => {
      for (const host of ['admin.vault.net', 'OPS.vault.net:8443', 'admin.vault.net.'])
        assert.equal((await admin(asked(host))).status, 200, host);
      for (const host of ['vault.net', 'x.admin.vault.net', 'admin.vault.net.evil.org'])
        assert.equal((await admin(asked(host))).status, 421, host);
    }));
});
