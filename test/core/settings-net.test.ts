import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Address,
  addressesClash,
  addressText,
  inNetworks,
  isLoopback,
  parseAddress,
  parseCidr,
  parseHostName,
  parseOrigin,
  parseUrl,
  parseUrlPrefix,
} from '../../src/core/settings-net.ts';

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed.ok, text);
  return parsed.value;
}

function clash(one: string, other: string): boolean {
  assert.equal(
    addressesClash(address(one), address(other)),
    addressesClash(address(other), address(one)),
    'both ways round',
  );
  return addressesClash(address(one), address(other));
}

function networks(...texts: string[]) {
  return texts.map((text) => {
    const parsed = parseCidr(text);
    assert.ok(parsed.ok, text);
    return parsed.value;
  });
}

test('an address is a host and a port, IPv6 in brackets', () => {
  assert.deepEqual(address('127.0.0.1:8080'), { host: '127.0.0.1', port: 8080 });
  assert.deepEqual(address('[::1]:0'), { host: '::1', port: 0 });
  assert.deepEqual(address('[0:0::0:1]:80'), { host: '::1', port: 80 });
  assert.deepEqual(address('LocalHost.:65535'), { host: 'localhost', port: 65_535 });
  assert.deepEqual(address('my_service-1.internal:80'), { host: 'my_service-1.internal', port: 80 });
});

test('what is no address, or is one to some programs only, is refused', () => {
  const strange = [
    '',
    ':8080',
    '8080',
    'localhost',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '127.0.0.1:08080',
    '127.0.0.1:-1',
    '127.0.0.1:http',
    '::1:8080',
    '[::1]',
    '[::1',
    '[127.0.0.1]:80',
    '[::g]:80',
    '127.1:80',
    '0x7f.0.0.1:80',
    '010.0.0.1:80',
    '2130706433:80',
    '256.0.0.1:80',
    '1.2.3.4.5:80',
    'a..b:80',
    '-a:80',
    'a b:80',
    'http://a:80',
    `${'a'.repeat(64)}:80`,
  ];
  for (const text of strange) assert.ok(!parseAddress(text).ok, text);
});

test('an address comes back as it was written, in its canonical spelling', () => {
  const host = fc.oneof(
    fc.ipV4(),
    fc.ipV6().map((ip) => `[${ip}]`),
    fc.domain(),
  );
  fc.assert(
    fc.property(host, fc.integer({ min: 0, max: 65_535 }), (name, port) => {
      const parsed = parseAddress(`${name}:${port}`);
      assert.ok(parsed.ok);
      assert.equal(parsed.value.port, port);
      assert.deepEqual(address(addressText(parsed.value)), parsed.value);
    }),
  );
});

test('one socket in two spellings is one socket', () => {
  assert.ok(clash('127.0.0.1:8080', '127.0.0.1:8080'));
  assert.ok(clash('localhost:8080', '127.0.0.1:8080'));
  assert.ok(clash('localhost:8080', '[::1]:8080'));
  assert.ok(clash('vault.localhost:8080', 'localhost:8080'));
  assert.ok(clash('[::ffff:127.0.0.1]:8080', '127.0.0.1:8080'));
  assert.ok(clash('[2001:DB8::0:1]:8080', '[2001:db8:0::1]:8080'));
  assert.ok(clash('Vault.example.:8080', 'vault.example:8080'));
  assert.ok(clash('0.0.0.0:8080', '127.0.0.1:8080'));
  assert.ok(clash('0.0.0.0:8080', 'localhost:8080'));
  assert.ok(clash('0.0.0.0:8080', 'vault.example:8080'));
  assert.ok(clash('0.0.0.0:8080', '[::]:8080'));
  assert.ok(clash('[::]:8080', '127.0.0.1:8080'));
  assert.ok(clash('[::]:8080', '[::1]:8080'));
  assert.ok(clash('[::ffff:0.0.0.0]:8080', '10.0.0.1:8080'));
});

test('two sockets are two sockets', () => {
  assert.ok(!clash('127.0.0.1:8080', '127.0.0.1:8081'));
  assert.ok(!clash('127.0.0.1:8080', '127.0.0.2:8080'));
  assert.ok(!clash('127.0.0.1:8080', '[::1]:8080'));
  assert.ok(!clash('0.0.0.0:8080', '[::1]:8080'));
  assert.ok(!clash('localhost:8080', '10.0.0.1:8080'));
  assert.ok(!clash('127.0.0.1:0', '127.0.0.1:0'));
  assert.ok(!clash('0.0.0.0:0', '[::]:0'));
});

test('loopback is 127/8, ::1 and localhost', () => {
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost', 'a.localhost', '::ffff:127.0.0.1'])
    assert.ok(isLoopback(host), host);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'localhost.example', 'notlocalhost', '::2'])
    assert.ok(!isLoopback(host), host);
});

test('a network holds its addresses, in whatever spelling the socket gives them', () => {
  const trusted = networks('10.0.0.0/8', '192.0.2.7', 'fd00::/8', '172.16.0.0/12');
  for (const peer of [
    '10.0.0.1',
    '10.255.255.255',
    '::ffff:10.1.2.3',
    '192.0.2.7',
    'fd12::1',
    '172.31.255.255',
  ]) {
    assert.ok(inNetworks(trusted, peer), peer);
  }
  for (const peer of [
    '11.0.0.1',
    '192.0.2.8',
    'fe00::1',
    '172.32.0.0',
    'unknown',
    '',
    '10.1',
    '0x0a.0.0.1',
    '::',
  ]) {
    assert.ok(!inNetworks(trusted, peer), peer);
  }
  assert.ok(inNetworks(networks('0.0.0.0/0'), '203.0.113.9'));
  assert.ok(!inNetworks(networks('0.0.0.0/0'), '2001:db8::1'));
  assert.ok(inNetworks(networks('::ffff:10.0.0.0/104'), '10.2.3.4'));
  assert.ok(!inNetworks([], '127.0.0.1'));
});

test('membership is equality of the first bits', () => {
  const bits = (ip: string): string =>
    ip
      .split('.')
      .map((part) => Number(part).toString(2).padStart(8, '0'))
      .join('');
  const zeroAfter = (ip: string, prefix: number): string => {
    const kept = bits(ip).slice(0, prefix).padEnd(32, '0');
    return [0, 8, 16, 24].map((start) => Number.parseInt(kept.slice(start, start + 8), 2)).join('.');
  };
  fc.assert(
    fc.property(
      fc.ipV4(),
      fc.ipV4(),
      fc.integer({ min: 0, max: 32 }),
      fc.boolean(),
      (network, other, prefix, near) => {
        const base = zeroAfter(network, prefix);
        const peer = near ? base : other;
        const inside = bits(peer).slice(0, prefix) === bits(base).slice(0, prefix);
        assert.equal(inNetworks(networks(`${base}/${prefix}`), peer), inside);
      },
    ),
  );
});

test('what is no network is refused, host bits too', () => {
  for (const text of [
    '',
    '*',
    '10.0.0.1/8',
    '10/8',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/',
    'fd00::1/8',
    'fe80::%eth0/64',
    'a.example',
    '010.0.0.0/8',
    '::/129',
  ]) {
    assert.ok(!parseCidr(text).ok, text);
  }
});

test('an origin is exact, and a star is not an origin', () => {
  for (const text of [
    'https://paste.example.org',
    'http://localhost:8080',
    'http://127.0.0.1:8080',
    'https://[2001:db8::1]:8443',
  ]) {
    assert.deepEqual(parseOrigin(text), { ok: true, value: text });
  }
  const strange = [
    '*',
    'null',
    '',
    'https://',
    'paste.example.org',
    'https://a.example/',
    'https://a.example/path',
    'https://A.example',
    'https://a.example:443',
    'http://a.example:80',
    'https://u:p@a.example',
    'ftp://a.example',
    'https://a.example?x',
    'https://*.example',
    'https:a.example',
    'file:///x',
  ];
  for (const text of strange) assert.ok(!parseOrigin(text).ok, text);
  const star = parseOrigin('*');
  assert.ok(!star.ok && star.wrong.includes('"*"'));
});

test('a URL is http or https, without user information', () => {
  assert.ok(parseUrl('https://hooks.example.org/a/b?c=d').ok);
  for (const text of [
    '',
    'hooks.example.org',
    'javascript:alert(1)',
    'file:///etc/passwd',
    'https://u@a.example',
    'https://u:p@a.example',
    'https://a.example/#x',
    'https://a b',
    'https:\\\\a.example',
    'http://',
  ]) {
    assert.ok(!parseUrl(text).ok, text);
  }
});

test('host names are DNS names or whole IPv4 addresses', () => {
  assert.deepEqual(parseHostName('SMTP.Example.org'), { ok: true, value: 'smtp.example.org' });
  for (const text of ['', '.', 'a..b', '1.2.3', '0x1', 'a/b', 'a:1', `${'a.'.repeat(127)}aa`])
    assert.ok(!parseHostName(text).ok, text);
});

test('a prefix is plain lower-case segments that take nothing from other routes', () => {
  for (const text of ['', '/paste', '/a/b-c/d_1', '/paste/admin', '/version1', '/staticfiles'])
    assert.deepEqual(parseUrlPrefix(text), { ok: true, value: text });
  const reserved = ['/admin', '/v1', '/i', '/e', '/static', '/metrics', '/admin/x', '/v1/paste'];
  const strange = [
    '/',
    'paste',
    '/paste/',
    '//paste',
    '/a//b',
    '/Paste',
    '/a b',
    '/a%20',
    '/..',
    '/.',
    '/a/..',
    '/a;b',
    '/a?b',
    '/a#b',
    '/é',
    `/${'a'.repeat(300)}`,
  ];
  for (const text of [...reserved, ...strange]) assert.ok(!parseUrlPrefix(text).ok, text);
});
