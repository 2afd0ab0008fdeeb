/** Client certificates, as a proxy tells of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CallHeaders, created, type Door, PROXY_SECRET, words } from '../../support/door.ts';

const SECRET = { 'x-proxy-secret': PROXY_SECRET };
const PRINT = '0123456789abcdef'.repeat(4);
const SHORT = `${'0123456789abcdef'.repeat(2)}01234567`;

const ownerOf = async (door: Door, headers: CallHeaders) => (await created(door, words(), headers)).owner;

/** On a door that has a proxy secret. */
export function identity(open: () => Door): void {
  describe('the identity of a caller behind a proxy', () => {
    const known: [string, CallHeaders, string][] = [
      ['a SHA-256 fingerprint', { 'x-ssl-client-sha256': PRINT }, PRINT],
      ['one in upper case', { 'x-ssl-client-sha256': PRINT.toUpperCase() }, PRINT],
      [
        'one with colons',
        { 'x-ssl-client-sha256': (PRINT.toUpperCase().match(/../g) ?? []).join(':') },
        PRINT,
      ],
      ['a SHA-1 fingerprint', { 'x-ssl-client-sha1': SHORT }, `sha1:${SHORT}`],
      [
        'a SHA-1 one with colons',
        { 'x-ssl-client-sha1': (SHORT.toUpperCase().match(/../g) ?? []).join(':') },
        `sha1:${SHORT}`,
      ],
      ['SHA-256 before SHA-1', { 'x-ssl-client-sha256': PRINT, 'x-ssl-client-sha1': SHORT }, PRINT],
    ];
    for (const [name, headers, owner] of known) {
      it(`is ${name}`, async () => {
        assert.equal(await ownerOf(open(), { ...SECRET, ...headers }), owner);
      });
    }

    const unknown: [string, CallHeaders][] = [
      ['no certificate header came', SECRET],
      ['the fingerprint is too short', { ...SECRET, 'x-ssl-client-sha256': PRINT.slice(1) }],
      ['the fingerprint is not hexadecimal', { ...SECRET, 'x-ssl-client-sha256': 'g'.repeat(64) }],
      ['the fingerprint is empty', { ...SECRET, 'x-ssl-client-sha256': '' }],
      ['two fingerprints came', { ...SECRET, 'x-ssl-client-sha256': [PRINT, PRINT] }],
      ['the secret is missing', { 'x-ssl-client-sha256': PRINT }],
      ['the secret is empty', { 'x-proxy-secret': '', 'x-ssl-client-sha256': PRINT }],
      ['the secret is wrong', { 'x-proxy-secret': `${PROXY_SECRET}x`, 'x-ssl-client-sha256': PRINT }],
      [
        'the secret is almost right',
        { 'x-proxy-secret': PROXY_SECRET.slice(1), 'x-ssl-client-sha256': PRINT },
      ],
      [
        'the secret came twice',
        { 'x-proxy-secret': [PROXY_SECRET, PROXY_SECRET], 'x-ssl-client-sha256': PRINT },
      ],
    ];
    for (const [name, headers] of unknown) {
      it(`is unknown when ${name}`, async () => {
        assert.equal(await ownerOf(open(), headers), undefined);
      });
    }
  });
}

/** On a door that has no proxy secret. */
export function noIdentity(open: () => Door): void {
  describe('certificate headers without a configured secret', () => {
    for (const secret of [PROXY_SECRET, '', 'undefined', 'null']) {
      it(`say nothing, with X-Proxy-Secret: ${JSON.stringify(secret)}`, async () => {
        const headers = { 'x-proxy-secret': secret, 'x-ssl-client-sha256': PRINT };
        assert.equal(await ownerOf(open(), headers), undefined);
      });
    }
  });
}
