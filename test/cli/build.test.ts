/** The one file: the same bytes each time, and the ones that are committed. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import {
  CLIENT_BYTES,
  CLIENT_ETAG,
  CLIENT_SHA256_BASE64,
  CLIENT_SHA256_HEX,
  CLIENT_TEXT,
} from '../../src/generated/client.ts';
import { buildClient, clientModule, isFresh } from '../../tools/build-client.ts';

test('two builds give the same bytes', async () => {
  assert.equal(await buildClient(), await buildClient());
});

test('the committed file is what the sources give', async () => {
  assert.ok(await isFresh(), 'run: node tools/build-client.ts');
});

test('the digests are those of the text', () => {
  const digest = createHash('sha256').update(CLIENT_TEXT).digest();
  assert.equal(CLIENT_SHA256_HEX, digest.toString('hex'));
  assert.equal(CLIENT_SHA256_BASE64, digest.toString('base64'));
  assert.match(CLIENT_ETAG, /^"[0-9a-f]{32}"$/);
  assert.equal(CLIENT_BYTES, Buffer.byteLength(CLIENT_TEXT));
});

test('the module holds any text', async () => {
  const text = 'a "quoted" \\ line\n\u2028 and `ticks` $ {x}\n';
  const { CLIENT_TEXT: again } = (await import(
    `data:text/javascript,${encodeURIComponent(clientModule(text))}`
  )) as { CLIENT_TEXT: string };
  assert.equal(again, text);
});

test('it depends on nothing, and keeps the licences of what is in it', () => {
  assert.doesNotMatch(CLIENT_TEXT, /^\s*(import|export)\s/m);
  const required = [...CLIENT_TEXT.matchAll(/require\("([^"]+)"\)/g)].map(([, name]) => name);
  assert.ok(required.length > 0 && required.every((name) => name?.startsWith('node:')));
  assert.match(CLIENT_TEXT, /SPDX-License-Identifier: AGPL-3\.0-only/);
  for (const name of ['uqr', 'smol-toml', 'hash-wasm', 'age-encryption', '@noble/hashes'])
    assert.ok(CLIENT_TEXT.slice(-40_000).includes(name), name);
});
