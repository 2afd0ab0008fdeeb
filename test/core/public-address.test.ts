import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mayConnect } from '../../src/core/public-address.ts';

const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '93.184.216.34',
  '172.15.0.1',
  '172.32.0.1',
  '100.63.255.255',
  '223.255.255.255',
];
const PUBLIC_6 = ['2606:4700:4700::1111', '2a00:1450:4001:80b::200e', '2400:cb00:2048:1::c629:d7a2'];

/** One's own network: allowed when the operator says so. */
const PRIVATE = [
  ...['127.0.0.1', '127.255.255.254', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
  ...['169.254.0.1', '169.254.169.254', '100.64.0.1', '100.100.100.200', '100.127.255.255'],
  ...['::1', 'fe80::1', 'fe80::1%eth0', 'fc00::1', 'fd00:ec2::254'],
  ...['::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:7f00:1', '0:0:0:0:0:ffff:192.168.0.1'],
];

/** Nobody's server, or somebody else's inside: never. */
const NEVER = [
  ...['0.0.0.0', '0.1.2.3', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
  ...['192.0.0.1', '192.0.2.1', '198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.1', '192.88.99.1'],
  ...[
    '::',
    'ff02::1',
    'ff0e::1',
    '100::1',
    '2001:db8::1',
    '2001:10::1',
    '2001:20::1',
    '2001:2::1',
    'fec0::1',
  ],
  // Another address inside: NAT64, IPv4-translated, 6to4, Teredo.
  ...['64:ff9b::8.8.8.8', '64:ff9b::7f00:1', '64:ff9b:1::1', '::ffff:0:8.8.8.8'],
  ...['2002:7f00:1::', '2002:808:808::1', '2001:0:53aa:64c:0:7fff:f5ff:fffe', '4000::1', '5f00::1', '1::1'],
];

const NO_ADDRESS = [
  '',
  ' ',
  'localhost',
  'example.org',
  '1.2.3.4.5',
  '1.2.3.4/8',
  '::g',
  '[::1]',
  '1.2.3.4:80',
];

describe('where something may be sent', () => {
  it('to addresses of the whole net', () => {
    for (const address of [...PUBLIC, ...PUBLIC_6]) {
      for (const allowPrivate of [false, true])
        assert.equal(mayConnect(address, allowPrivate), true, address);
    }
  });

  it('to one’s own network only where that is allowed', () => {
    for (const address of PRIVATE) {
      assert.equal(mayConnect(address, false), false, address);
      assert.equal(mayConnect(address, true), true, address);
    }
  });

  it('never to what is nobody’s server, or hides another address', () => {
    for (const address of [...NEVER, ...NO_ADDRESS]) {
      for (const allowPrivate of [false, true])
        assert.equal(mayConnect(address, allowPrivate), false, address);
    }
  });

  it('not to an IPv6 address that means an IPv4 one, also where that would be public', () => {
    for (const address of ['::ffff:8.8.8.8', '::8.8.8.8', '::127.0.0.1'])
      assert.equal(mayConnect(address, false), false, address);
  });

  it('to no address in a spelling of one’s own network', () => {
    for (const spelling of [
      '0x7f.0.0.1',
      '0177.0.0.1',
      '127.1',
      '2130706433',
      '0x7f000001',
      '10.1',
      '0xa9fea9fe',
    ])
      assert.equal(mayConnect(spelling, false), false, spelling);
  });
});
