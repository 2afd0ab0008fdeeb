import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CONFIG_PLACES, loadSettings, type SettingsPlaces } from '../../runtime/settings.ts';
import { formatProblems, type Settings } from '../../src/core/settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-settings-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let made = 0;

/** A folder of its own with these files in it. */
function folderWith(files: Record<string, string | Uint8Array>): string {
  made += 1;
  const path = join(folder, String(made));
  mkdirSync(path);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
}

function load(files: Record<string, string | Uint8Array>, from: Partial<SettingsPlaces> = {}) {
  return loadSettings({
    env: {},
    places: ['./sallyport.toml', './etc.toml'],
    folder: folderWith(files),
    ...from,
  });
}

function settings(...given: Parameters<typeof load>): Settings {
  const result = load(...given);
  assert.ok(result.ok, result.ok ? '' : formatProblems(result.problems));
  return result.settings;
}

function refusal(...given: Parameters<typeof load>): string {
  const result = load(...given);
  assert.ok(!result.ok, 'the settings were accepted');
  return formatProblems(result.problems);
}

test('without any file the defaults hold', () => {
  assert.equal(settings({}).logLevel, 'info');
  assert.deepEqual(CONFIG_PLACES, ['./sallyport.toml', '/etc/sallyport/sallyport.toml']);
});

test('the first of the usual places that exists is read', () => {
  const [near, far] = ['[server]\nlog_level = "debug"\n', '[server]\nlog_level = "warn"\n'];
  assert.equal(settings({ 'sallyport.toml': near, 'etc.toml': far }).logLevel, 'debug');
  assert.equal(settings({ 'etc.toml': far }).logLevel, 'warn');
});

test('--config wins over SAFE_CONFIG_FILE, and that over the usual places', () => {
  const file = (level: string): string => `[server]\nlog_level = "${level}"\n`;
  const files = { 'a.toml': file('error'), 'b.toml': file('warn'), 'sallyport.toml': file('debug') };
  assert.equal(settings(files, { env: { SAFE_CONFIG_FILE: 'b.toml' } }).logLevel, 'warn');
  assert.equal(settings(files, { env: { SAFE_CONFIG_FILE: 'b.toml' }, config: 'a.toml' }).logLevel, 'error');
  assert.equal(
    settings(files, { env: { SAFE_LOG_LEVEL: 'info' }, config: 'a.toml' }).logLevel,
    'info',
    'variables win over files',
  );
});

test('a file that was named must exist and be a file', () => {
  assert.match(
    refusal({ 'sallyport.toml': '' }, { config: 'no.toml' }),
    /^--config names a file that does not exist/,
  );
  assert.match(
    refusal({}, { env: { SAFE_CONFIG_FILE: 'no.toml' } }),
    /^SAFE_CONFIG_FILE names a file that does not exist/,
  );
  assert.match(refusal({}, { config: '.' }), /^--config names a file that is a folder/);
  assert.match(refusal({}, { config: '' }), /^--config names no file/);
  assert.match(refusal({}, { env: { SAFE_CONFIG_FILE: '' } }), /^SAFE_CONFIG_FILE names no file/);
});

test('a file that is found must parse, and its lines are not repeated', () => {
  const text = refusal({ 'sallyport.toml': '[server]\nproxy_secret = "c4n4ry\n' });
  assert.match(text, /^\.\/sallyport\.toml is not valid TOML \(line 2, column \d+\)/);
  assert.ok(!text.includes('c4n4ry'));
  assert.match(refusal({ 'sallyport.toml': new Uint8Array([0xff, 0xfe]) }), /is not UTF-8 text/);
  assert.match(refusal({ 'sallyport.toml': '[__proto__]\nx = 1\n' }), /is not valid TOML/);
  assert.match(refusal({ 'sallyport.toml': `#${'x'.repeat(1024 * 1024)}` }), /is larger than 1048576 bytes/);
  assert.match(
    refusal({ 'sallyport.toml': `x = ${'['.repeat(100)}${']'.repeat(100)}` }),
    /is not valid TOML/,
  );
});

test('an unknown key fails, with the file and the nearest key', () => {
  assert.match(
    refusal({ 'sallyport.toml': '[paste]\nmax_expry = "1d"\n' }),
    /^paste\.max_expry in \.\/sallyport\.toml is unknown; the nearest known key is paste\.max_expiry/,
  );
});

test('dates, numbers and lists of TOML are taken where they fit', () => {
  const toml =
    '[paste]\ndedup_max = 5\nmin_entropy = 7.2\n[server]\nmain_bind_addrs = ["127.0.0.1:1"]\nlegacy_viewer_aliases = true\n';
  const read = settings({ 'sallyport.toml': toml });
  assert.deepEqual(
    [read.paste.dedupMax, read.paste.minEntropy, read.main.addresses[0]?.port, read.legacyViewerAliases],
    [5, 7.2, 1, true],
  );
  assert.match(refusal({ 'sallyport.toml': '[paste]\nmax_expiry = 2026-01-01\n' }), /has the wrong type/);
  assert.match(refusal({ 'sallyport.toml': '[paste]\ndedup_max = inf\n' }), /dedup_max/);
});

test('a secret comes from its file, without the line end', () => {
  const files = { token: 'metrics-token-of-a-test\r\n' };
  const env = { SAFE_METRICS_TOKEN: 'other', SAFE_METRICS_TOKEN_FILE: './token' };
  assert.equal(settings(files, { env }).metricsToken, 'metrics-token-of-a-test');
  const toml = '[server]\nmetrics_token_file = "token"\n';
  assert.equal(settings({ ...files, 'sallyport.toml': toml }).metricsToken, 'metrics-token-of-a-test');
  assert.equal(
    settings({ 'sallyport.toml': toml }, { env: { SAFE_METRICS_TOKEN: 'other' } }).metricsToken,
    'other',
  );
});

test('a secret file that is missing, empty, a folder, huge or no text is refused', () => {
  const env = { SAFE_METRICS_TOKEN_FILE: './token' };
  assert.match(refusal({}, { env }), /^SAFE_METRICS_TOKEN_FILE names a file that does not exist/);
  assert.match(refusal({ token: '' }, { env }), /^SAFE_METRICS_TOKEN_FILE names an empty file/);
  assert.match(refusal({ token: '\n' }, { env }), /^SAFE_METRICS_TOKEN_FILE names an empty file/);
  assert.match(
    refusal({ token: 'x'.repeat(65_537) }, { env }),
    /^SAFE_METRICS_TOKEN_FILE names a file that is larger/,
  );
  assert.match(
    refusal({ token: new Uint8Array([0x80]) }, { env }),
    /^SAFE_METRICS_TOKEN_FILE names a file that is not UTF-8/,
  );
  assert.match(
    refusal({}, { env: { SAFE_METRICS_TOKEN_FILE: '.' } }),
    /^SAFE_METRICS_TOKEN_FILE names a file that is a folder/,
  );
  const bad = refusal({ token: 'c4n4ry with spaces' }, { env });
  assert.match(bad, /^SAFE_METRICS_TOKEN_FILE holds something else/);
  assert.ok(!bad.includes('c4n4ry'));
});
