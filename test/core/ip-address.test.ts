/** Addresses: one spelling of each part, so that no two programs read two addresses. */
import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, it } from 'node:test';
import { isIpAddress, isIpv6Address } from '../../src/core/ip-address.ts';
import { peerNetwork } from '../../src/core/limiter.ts';
import { parseAddress, parseCidr } from '../../src/core/settings-net.ts';
import { plainAddress } from '../../src/core/visitor.ts';

const RIGHT = [
  '127.0.0.1',
  '::1',
  '::',
  'fe80::1%eth0',
  '::ffff:10.0.0.1',
  '1:2:3:4:5:6:1.2.3.4',
  '2001:db8::',
];
/** `010` is 8 to some, 10 to others, and nothing to RFC 4291. */
const STRANGE = [
  '::ffff:010.0.0.1',
  '::ffff:0x7f.0.0.1',
  '1:2:3:4:5:6:01.2.3.4',
  '::ffff:127.1',
  '010.0.0.1',
  '',
];

describe('an IP address', () => {
  for (const text of RIGHT)
    it(`${text} is one, as the platform says`, () => {
      assert.ok(isIpAddress(text));
      assert.notEqual(isIP(text), 0);
      assert.equal(isIpv6Address(text), text.includes(':'));
    });

  for (const text of STRANGE)
    it(`"${text}" is none, to whoever reads it`, () => {
      assert.ok(!isIpAddress(text));
      assert.equal(isIP(text), 0);
      assert.equal(plainAddress(text), undefined);
      assert.equal(peerNetwork(text), 'unknown');
      assert.ok(!parseCidr(text).ok);
      assert.ok(!parseAddress(`[${text}]:80`).ok);
    });
});
