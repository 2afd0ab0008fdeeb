/**
 * Viewer links as one suite for every way to reach the main door: what a runtime could get wrong is headers, HEAD,
 * lengths, undecodable paths, and that refusals are the same bytes; what is shown is tested with the handlers.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { unzipSync } from 'fflate';
import { BROWSER } from '../../src/handlers/kit/headers.ts';
import { answers, post, type Session } from '../support/ask.ts';
import type { BothDoors, BothDoorsTarget } from '../support/both-doors.ts';
import { anotherOwner, firstAdmin, newIncident, newViewerToken } from '../support/evidence.ts';
import { type Recording, recording } from '../support/recordings.ts';
import { BROWSER_ACCEPT, checkIn, look, pathsOfLink } from '../support/viewing.ts';

const SETTINGS = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_PAGE: '0',
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_DOWNLOAD: '0',
};
const ONE_ANSWER =
  '{"error":{"code":"incident_token_invalid","message":"incident token is invalid, expired, or revoked"}}';

/** What a connection adds by itself. */
const OF_THE_WIRE = new Set(['x-request-id', 'date', 'connection', 'keep-alive']);
const plain = (headers: Headers) =>
  Object.fromEntries([...headers].filter(([name]) => !OF_THE_WIRE.has(name)));

export function viewerSuite(target: BothDoorsTarget): void {
  describe(`viewer links by ${target.name}`, { timeout: 600_000 }, () => {
    let doors: BothDoors;
    let as: Session;
    let made: Recording;
    let token: string;
    before(async () => {
      doors = await target.open(SETTINGS);
      as = await anotherOwner(doors, await firstAdmin(doors));
      const incidentId = await newIncident(doors, as, { client_label: 'a <b>label</b> – é 🙂' });
      made = await recording(doors, as, incidentId, { mediaType: 'video' });
      await checkIn(doors, as, incidentId, { latitude: 1.25, longitude: 2.5 });
      ({ token } = await newViewerToken(doors, as, incidentId));
    });
    after(() => doors?.close());

    const paths = (of = token) => pathsOfLink(of, made.streamId);

    it('show the page, the data and the payload, each with the headers of privacy', async () => {
      const [page = '', data = '', payload = ''] = paths();
      const shown = await look(doors, page, { headers: { accept: BROWSER_ACCEPT } });
      assert.equal(shown.status, 200);
      assert.equal(shown.headers.get('content-type'), 'text/html; charset=utf-8');
      assert.ok(shown.text.includes('a &lt;b&gt;label&lt;/b&gt; – é 🙂'));
      assert.equal((await look(doors, data)).json.completed_streams[0].id, made.streamId);
      const { latest_shared_location: place } = (await look(doors, payload)).json;
      assert.deepEqual([place.latitude, place.longitude], [1.25, 2.5]);
      for (const path of paths())
        for (const method of ['GET', 'HEAD', 'POST']) {
          const { headers } = await look(doors, path, { method });
          for (const [name, value] of Object.entries({ ...BROWSER, 'cache-control': 'no-store' }))
            assert.equal(headers.get(name), value, `${method} ${path} ${name}`);
        }
    });

    it('download bundles, as long as announced, to GET and to HEAD', async () => {
      const [, , , one = '', all = ''] = paths();
      for (const path of [one, all]) {
        const { status, headers, bytes } = await look(doors, path);
        assert.equal(status, 200);
        assert.equal(headers.get('content-length'), String(bytes.length));
        assert.ok(unzipSync(bytes)['manifest.json'] !== undefined);
        const head = await look(doors, path, { method: 'HEAD' });
        assert.deepEqual(plain(head.headers), plain(headers));
      }
    });

    it('answer every wrong link with the same bytes and headers', async () => {
      const { incidentId } = made;
      const wrong = [
        'x',
        'A'.repeat(2000),
        '%zz',
        'a%2Fb',
        'a%00b',
        '%ff',
        "'%20--",
        encodeURIComponent('снег'),
      ];
      const past = await newViewerToken(doors, as, incidentId, { expires_at: '2001-01-01T00:00:00Z' });
      const revoked = await newViewerToken(doors, as, incidentId);
      answers(await post(doors, `/v1/incident-tokens/${revoked.tokenId}/revoke`, as), 200);
      const other = await newIncident(doors, as);
      const deleted = await newViewerToken(doors, as, other);
      answers(await post(doors, `/v1/incidents/${other}/deletion`, as, { allow_open: true }), 202);
      for (const accept of ['application/json', BROWSER_ACCEPT]) {
        const init = { headers: { accept } };
        const unknown = paths(randomBytes(32).toString('base64url'));
        for (const bad of [...wrong, past.token, revoked.token, deleted.token]) {
          for (const [at, path] of paths(bad).entries()) {
            const answer = await look(doors, path, init);
            const expected = await look(doors, unknown[at] ?? '', init);
            assert.equal(answer.status, 404, path);
            assert.equal(answer.text, expected.text, path);
            assert.deepEqual(plain(answer.headers), plain(expected.headers), path);
            if (accept !== BROWSER_ACCEPT || at > 0) assert.equal(answer.text, ONE_ANSWER);
          }
        }
      }
    });

    it('come with two files that a browser keeps', async () => {
      for (const path of ['/static/styles.css', '/static/scripts.js']) {
        const { status, headers, bytes } = await look(doors, path);
        assert.deepEqual([status, headers.get('content-length')], [200, String(bytes.length)]);
        assert.equal(headers.get('cache-control'), 'public, max-age=300');
        const etag = headers.get('etag') ?? '';
        const again = await look(doors, path, { headers: { 'if-none-match': etag } });
        assert.deepEqual([again.status, again.bytes.length, again.headers.get('etag')], [304, 0, etag]);
      }
    });
  });
}
