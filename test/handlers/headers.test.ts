import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inHouse } from '../support/house.ts';
import { type Asked, askHouse, type Init, situations } from './situations.ts';

/** The contract's set for what a browser could show, written out here so that a slip in the code shows. */
const BROWSER = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; object-src 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'permissions-policy': 'geolocation=(), microphone=(), camera=()',
  'x-frame-options': 'DENY',
};
const SANDBOX = "default-src 'none'; sandbox";

/** Types that an answer may have, apart from the bytes of a paste. */
const OWN_TYPES = new Set([
  'application/json',
  'text/plain; charset=utf-8',
  'text/plain; version=0.0.4; charset=utf-8',
  'text/html; charset=utf-8',
  'text/css; charset=utf-8',
  'text/javascript; charset=utf-8',
  'application/zip',
  'application/octet-stream',
]);

/** What the protocols of uploads say in headers. */
const UPLOADS = [
  ...['upload-offset', 'upload-complete', 'upload-limit', 'upload-length', 'idempotency-replayed'],
  ...['tus-resumable', 'tus-version', 'tus-extension', 'tus-max-size', 'tus-checksum-algorithm'],
  ...['upload-expires', 'upload-metadata', 'upload-defer-length', 'content-location'],
];

/** What an answer may carry besides the sets, and when. */
function extras(path: string, { status }: Asked): string[] {
  const names: string[] = [];
  if (status === 201 || (status === 200 && path === '/'))
    names.push('location', 'idempotency-replayed', 'x-delete-token');
  if (/^\/v1\/(?:uploads\/|incidents\/[^/]+\/uploads$|.*\/chunks\/1$)/.test(path)) names.push(...UPLOADS);
  if (status === 429 || status === 503) names.push('retry-after');
  if (status === 416) names.push('content-range');
  if (status === 200 && path.endsWith('/raw')) names.push('content-disposition');
  if (status === 200 && path === '/v1/incidents') names.push('link');
  if (status === 200 && path.endsWith('/chunks')) names.push('idempotency-replayed', 'link');
  if ((status === 200 || status === 206) && /\/chunks\/[1-9]$/.test(path))
    names.push('accept-ranges', 'etag', status === 200 ? 'content-digest' : 'repr-digest', 'content-range');
  if ((status === 200 || status === 206) && path.endsWith('/download'))
    names.push('content-disposition', 'accept-ranges', 'etag', 'content-range');
  if ((status === 200 || status === 304) && path.startsWith('/static/')) names.push('etag');
  return names;
}

/** How long a file may be kept that is the same for everybody, in seconds. */
const kept = (path: string) => {
  if (path.startsWith('/admin/static/')) return 3600;
  return path.startsWith('/static/') ? 300 : undefined;
};

function checkNames(what: string, given: readonly string[], allowed: readonly string[]): void {
  const unexpected = given.filter((name) => name !== 'x-request-id' && !allowed.includes(name));
  assert.deepEqual(unexpected, [], what);
}

function check(door: string, path: string, { method = 'GET', ...init }: Init, answer: Asked): void {
  const what = `${door} ${method} ${path} ${answer.status}`;
  const rawBytes = answer.status === 200 && /\/raw$/.test(path);
  const keep = answer.status < 400 ? kept(path) : undefined;
  const expected: Record<string, string> = {
    ...BROWSER,
    'cache-control': keep === undefined ? 'no-store' : `public, max-age=${keep}`,
    ...(rawBytes && { 'content-security-policy': SANDBOX }),
  };
  for (const [name, value] of Object.entries(expected))
    assert.equal(answer.headers.get(name), value, `${what} ${name}`);
  assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f]{32}$/, what);
  if (answer.status === 304 || answer.status === 204) {
    assert.deepEqual([answer.bytes.length, answer.headers.get('content-length')], [0, null], what);
    if (answer.status === 304) return;
    assert.equal(answer.headers.get('content-type'), null, what);
    checkNames(what, [...answer.headers.keys()], [...Object.keys(expected), ...extras(path, answer)]);
    return;
  }
  assert.match(answer.headers.get('content-length') ?? '', /^\d+$/, what);
  if (method === 'HEAD') assert.equal(answer.bytes.length, 0, what);
  else assert.equal(answer.headers.get('content-length'), String(answer.bytes.length), what);
  const asPage = new Headers(init.headers).get('accept') === 'text/html' || path === '/admin';
  const refusal = asPage ? 'text/html; charset=utf-8' : 'application/json';
  if (answer.status >= 400) assert.equal(answer.headers.get('content-type'), refusal, what);
  else assert.ok(rawBytes || OWN_TYPES.has(answer.headers.get('content-type') ?? ''), what);
  const standing = [...Object.keys(expected), 'content-type', 'content-length'];
  checkNames(what, [...answer.headers.keys()], [...standing, ...extras(path, answer)]);
  if (answer.status === 429) assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/, what);
}

describe('every answer of both doors carries the whole header set, and nothing more', () => {
  const codes = new Set<string>();
  for (const situation of situations) {
    it(situation.name, () =>
      inHouse(situation.options, async (house) => {
        let asked = 0;
        await situation.run(
          async (door, path, init = {}) => {
            const answer = await askHouse(house, door, path, init);
            check(door, path.split('?')[0] ?? '', init, answer);
            codes.add(answer.code ?? String(answer.status));
            asked += 1;
            return answer;
          },
          'mark0123456789abcdef',
          house,
        );
        assert.ok(asked > 0);
      }),
    );
  }

  it('nothing that can be answered was left out', () => {
    // Written out, so that a kind of refusal that is added without a situation is noticed.
    const everything = [
      ...['200', '201', 'not_found', 'internal_error', 'rate_limited', 'rate_limit_unavailable'],
      ...['storage_unavailable', 'service_busy', 'request_timeout', 'request_aborted', 'invalid_json'],
      ...[
        'unsupported_media_type',
        'invalid_expiry',
        'invalid_burn',
        'invalid_password',
        'invalid_access_hash',
      ],
      ...['invalid_idempotency_key', 'idempotency_conflict', 'pow_required', 'pow_invalid', 'empty_paste'],
      ...['invalid_content', 'paste_too_large', 'not_sealed', 'duplicate_content', 'storage_quota_exceeded'],
      ...['client_certificate_required', 'paste_not_found', 'password_required', 'password_invalid'],
      ...['password_locked', 'range_not_satisfiable', 'precondition_failed', 'too_early', 'not_owner'],
      ...['206', '304', 'incident_token_invalid', 'stream_not_found', 'stream_not_complete'],
      ...['204', 'upload_not_found', 'upload_offset_mismatch', 'upload_length_mismatch', 'upload_malformed'],
      ...['upload_complete', 'upload_checksum_mismatch', 'upload_too_large', 'hash_mismatch'],
      ...['202', 'incident_not_found', 'incident_deleting', 'incident_closed', 'invalid_client_label'],
      ...['invalid_notes', 'invalid_incident_mode', 'invalid_capture_profile', 'invalid_escalation_policy'],
      ...['invalid_sharing_state', 'invalid_checkin', 'invalid_reason_code', 'incident_deletion_not_found'],
      ...['incident_deletion_invalid_state', 'stream_not_open', 'stream_failed', 'stream_chunks_incomplete'],
      ...['invalid_media_type', 'invalid_label', 'invalid_expected_chunk_count', 'invalid_failure_reason'],
      ...['incident_token_not_found', 'invalid_expires_at', 'invalid_cursor', 'invalid_limit'],
    ];
    for (const code of everything) assert.ok(codes.has(code), code);
  });
});

describe('X-Request-ID', () => {
  const idOf = async (given: string) => {
    let answered = '';
    await inHouse({}, async (house) => {
      for (const door of ['main', 'admin'] as const) {
        const { headers } = await askHouse(house, door, '/nowhere', { headers: { 'x-request-id': given } });
        answered = headers.get('x-request-id') ?? '';
      }
      assert.deepEqual(
        house.log.map((line) => line.request_id === given),
        [answered === given, answered === given],
      );
    });
    return answered;
  };

  it("is the caller's when it can stand in a log as it is", async () => {
    for (const id of ['a', 'A-z_0.9', 'x'.repeat(64)]) assert.equal(await idOf(id), id);
  });

  it('is a fresh one when it cannot', async () => {
    for (const id of ['', 'x'.repeat(65), 'a b', 'a,b', 'a/b', '{"a":1}', 'a\tb', '\u00e4', '<b>', '%0a'])
      assert.match(await idOf(id), /^[0-9a-f]{32}$/, JSON.stringify(id));
  });
});
