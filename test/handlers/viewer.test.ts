/** What the holder of a link sees, and that looking changes nothing. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { unzipSync } from 'fflate';
import { LOCATION_FRESH_MS, WARNING } from '../../src/core/viewer.ts';
import { answers, post } from '../support/ask.ts';
import { disown, inEvidence, newIncident, newViewerToken, type Owner, ownerIn } from '../support/evidence.ts';
import { type House, openHouse } from '../support/house.ts';
import {
  allRowsOf,
  BROWSER_ACCEPT,
  checkIn,
  look,
  newScene,
  pathsOfLink,
  SCENE_LABEL,
  SCENE_NOTES,
  SCENE_TOKEN_LABEL,
  type Scene,
} from '../support/viewing.ts';

/** RFC 3339 of the house's clock, so many minutes ago. */
const ago = (house: House, minutes: number) => new Date(house.clock.now() - minutes * 60_000).toISOString();

describe('a link to an incident', () => {
  let house: House;
  let owner: Owner;
  let scene: Scene;
  before(async () => {
    house = await openHouse();
    owner = await ownerIn(house);
    scene = await newScene(house, owner);
  });
  after(() => house.close());

  it('answers data in exactly the form of the contract', async () => {
    const { status, headers, json } = await look(house, `/i/${scene.token}/data`);
    assert.equal(status, 200);
    assert.equal(headers.get('content-type'), 'application/json');
    const chunk = (mediaType: string, index: number, minutes: number) => {
      const { byte_size, sha256_hex } = json.latest_chunk_by_media_type[mediaType];
      assert.match(sha256_hex, /^[0-9a-f]{64}$/);
      assert.ok(byte_size > 100);
      return {
        chunk_index: index,
        media_type: mediaType,
        started_at: '2026-01-02T03:04:05Z',
        ended_at: '2026-01-02T03:04:15Z',
        byte_size,
        sha256_hex,
        created_at: ago(house, minutes),
      };
    };
    const bytesOf = (id: string) => json.streams.find((one: { id: string }) => one.id === id).total_bytes;
    const complete = {
      id: scene.complete,
      media_type: 'video',
      label: 'front <camera>',
      status: 'complete',
      expected_chunk_count: 2,
      completed_at: ago(house, 6),
      chunk_count: 2,
      total_bytes: bytesOf(scene.complete),
    };
    assert.deepEqual(json, {
      incident: {
        id: scene.incidentId,
        status: 'open',
        client_label: SCENE_LABEL,
        created_at: ago(house, 10),
        updated_at: ago(house, 3),
      },
      latest_checkin: {
        created_at: ago(house, 0),
        device_battery_percent: 40,
        device_network: '<wifi>',
        latitude: 52.5200081234,
        longitude: -13.4,
        accuracy_meters: 12.4,
      },
      chunk_count_by_media_type: { audio: 1, video: 3 },
      latest_chunk_by_media_type: { audio: chunk('audio', 1, 1), video: chunk('video', 1, 4) },
      media: [
        { media_type: 'audio', chunk_count: 1, latest_chunk: chunk('audio', 1, 1) },
        { media_type: 'video', chunk_count: 3, latest_chunk: chunk('video', 1, 4) },
        { media_type: 'location', chunk_count: 0 },
        { media_type: 'metadata', chunk_count: 0 },
      ],
      streams: [
        complete,
        {
          id: scene.failed,
          media_type: 'video',
          status: 'failed',
          failed_at: ago(house, 3),
          failure_reason: 'the <camera> was taken away',
          chunk_count: 1,
          total_bytes: bytesOf(scene.failed),
        },
        {
          id: scene.open,
          media_type: 'audio',
          status: 'open',
          chunk_count: 1,
          total_bytes: bytesOf(scene.open),
        },
      ],
      completed_streams: [complete],
      warning: WARNING,
      generated_at: ago(house, 0),
    });
  });

  it('answers the payload in exactly the form of the contract, without recordings', async () => {
    const { status, json } = await look(house, `/i/${scene.token}/viewer-payload`);
    assert.equal(status, 200);
    assert.deepEqual(json, {
      payload_version: 'sallyport.viewer.v1',
      incident: {
        id: scene.incidentId,
        status: 'open',
        client_label: SCENE_LABEL,
        created_at: ago(house, 10),
        updated_at: ago(house, 3),
      },
      latest_checkin: {
        server_received_at: ago(house, 0),
        safe_device_state: { device_battery_percent: 40, device_network: '<wifi>' },
      },
      latest_shared_location: {
        latitude: 52.5200081234,
        longitude: -13.4,
        accuracy_meters: 12.4,
        source: 'checkin',
        server_received_at: ago(house, 0),
        freshness_status: 'recent',
      },
      warning: WARNING,
      generated_at: ago(house, 0),
    });
  });

  it('shows a page that says all of it without a script', async () => {
    const { status, headers, text } = await look(house, `/i/${scene.token}`);
    assert.equal(status, 200);
    assert.equal(headers.get('content-type'), 'text/html; charset=utf-8');
    assert.match(text, /<title>Incident Viewer<\/title>/);
    assert.match(text, /<meta name="referrer" content="no-referrer">/);
    for (const hook of [
      ...[
        'data-incident-view',
        'data-incident-status',
        'data-incident-client-label',
        'data-incident-created',
      ],
      ...['data-incident-updated', 'data-latest-checkin', 'data-completed-recordings', 'data-media-rows'],
      'data-stream-download',
    ])
      assert.ok(text.includes(hook), hook);
    for (const words of [
      ...[
        'Walk &lt;home&gt; &amp; &quot;back&quot;',
        '1 of 3 recordings are complete.',
        '40 %',
        '&lt;wifi&gt;',
      ],
      ...[
        '52.520008, -13.4',
        'Accurate to about 12 metres.',
        'front &lt;camera&gt;',
        'less than a minute ago',
      ],
      ...['Reason given: the &lt;camera&gt; was taken away', 'Download encrypted bundle', WARNING],
    ])
      assert.ok(text.includes(words), words);
    assert.ok(text.indexOf(WARNING) < text.indexOf('<main'), 'the emergency notice comes first');
    assert.equal(text.match(/ data-stream-download /g)?.length, 1, 'one recording is complete');
    assert.doesNotMatch(text, /play|decrypt|innerHTML|<script>|style=|onclick/i);
  });

  it('leads nowhere but to itself and to the two static files', async () => {
    const { text } = await look(house, `/i/${scene.token}`);
    const links = [...text.matchAll(/(?:href|src|action)="([^"]*)"/g)].map(([, link]) => link);
    assert.deepEqual(links, [
      '/static/styles.css',
      '/static/scripts.js',
      '#content',
      `${scene.token}/streams/${scene.complete}/download`,
      `${scene.token}/incident/download`,
    ]);
    assert.equal(text.split(scene.token).length - 1, 2, 'the token stands in relative links alone');
  });

  it('tells nothing that is not for its holder', async () => {
    const { person, as } = owner;
    const secrets = [
      person.account.id,
      person.username,
      as.token,
      scene.tokenId,
      SCENE_TOKEN_LABEL,
      SCENE_NOTES,
    ];
    const members = /notes|owner|incident_mode|safety_check|sharing|escalation|stored|blob|crc32|"token|_key/;
    for (const path of pathsOfLink(scene.token, scene.complete)) {
      const { bytes, headers } = await look(house, path);
      const text = Buffer.from(bytes).toString('latin1') + JSON.stringify([...headers]);
      for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} in ${path}`);
      if (!path.endsWith('download')) assert.doesNotMatch(text, members, path);
    }
  });

  it('leaves neither the link nor what it shows in the log', () => {
    const log = JSON.stringify(house.log);
    assert.ok(house.log.some(({ route }) => route === '/i/{token}/streams/{stream_id}/download'));
    for (const secret of [scene.token, scene.tokenId, scene.complete, SCENE_TOKEN_LABEL, 'home', '52.52'])
      assert.ok(!log.includes(secret), secret);
  });

  it('downloads a complete recording, and all that are complete', async () => {
    const [, , , one = '', all = ''] = pathsOfLink(scene.token, scene.complete);
    const stream = await look(house, one);
    assert.equal(stream.status, 200);
    assert.equal(stream.headers.get('content-type'), 'application/zip');
    assert.equal(
      stream.headers.get('content-disposition'),
      `attachment; filename="incident_${scene.incidentId}_video_${scene.complete}.zip"`,
    );
    const files = ['manifest.json', 'chunks/video_000001.enc', 'chunks/video_000002.enc'];
    assert.deepEqual(Object.keys(unzipSync(stream.bytes)), files);
    const whole = await look(house, all);
    assert.equal(whole.status, 200);
    assert.deepEqual(Object.keys(unzipSync(whole.bytes)), [
      'manifest.json',
      ...files.map((name) => `streams/${scene.complete}/${name}`),
    ]);
    const part = await look(house, one, { headers: { range: 'bytes=10-19' } });
    assert.equal(part.status, 206);
    assert.deepEqual(part.bytes, stream.bytes.subarray(10, 20));
  });

  it('downloads nothing that is not complete, of another incident, or no stream at all', async () => {
    const other = await newScene(house, owner);
    const download = (streamId: string) => look(house, `/i/${scene.token}/streams/${streamId}/download`);
    for (const [streamId, status, code] of [
      [scene.open, 409, 'stream_not_complete'],
      [scene.failed, 409, 'stream_not_complete'],
      [other.complete, 404, 'stream_not_found'],
      [`str_${'0'.repeat(26)}`, 404, 'stream_not_found'],
      ['x', 404, 'stream_not_found'],
      ["'%20OR%201=1", 404, 'stream_not_found'],
    ] as const) {
      const { status: seen, json, headers } = await download(streamId);
      assert.deepEqual([seen, json.error.code], [status, code], streamId);
      assert.deepEqual(Object.keys(json.error), ['code', 'message'], 'no request id in the body');
      assert.ok(headers.has('x-request-id'));
    }
  });

  it('answers HEAD as it answers GET, without the body', async () => {
    for (const path of pathsOfLink(scene.token, scene.complete)) {
      const get = await look(house, path);
      const head = await look(house, path, { method: 'HEAD' });
      assert.equal(head.status, 200, path);
      assert.equal(head.bytes.length, 0, path);
      const plain = (headers: Headers) => [...headers].filter(([name]) => name !== 'x-request-id');
      assert.deepEqual(plain(head.headers), plain(get.headers), path);
    }
  });

  it('changes no row but those of the audit, which name the link by its id', async () => {
    house.clock.advance(60_000);
    const before = await allRowsOf(house);
    assert.ok(before.size > 20, 'the tables were not read');
    for (const path of pathsOfLink(scene.token, scene.complete))
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])
        for (const accept of [BROWSER_ACCEPT, 'application/json'])
          await look(house, path, { method, headers: { accept } });
    const after = await allRowsOf(house);
    const changed = [...after].filter(([name, rows]) => String(rows) !== String(before.get(name)));
    // What is audited is a leaf of the log of everything.
    const names = changed.map(([name]) => name).filter((name) => !name.startsWith('log_'));
    assert.deepEqual(names, ['audit']);
    const entries = (await house.deps.store.audit.list(undefined, 500)).slice(0, 4);
    assert.equal(
      (after.get('audit')?.length ?? 0) - (before.get('audit')?.length ?? 0),
      4,
      'one for each GET',
    );
    for (const { id: _, at, ...entry } of entries) {
      assert.equal(at, house.clock.now());
      assert.deepEqual(entry, {
        listener: 'main',
        actorKind: 'viewer',
        action: 'bundle_download',
        routeClass: 'viewer_download',
        subjectId: scene.tokenId,
        incidentId: scene.incidentId,
        outcome: 'ok',
      });
    }
  });
});

describe('what a link shows as time goes on', () => {
  it('an incident in which nothing has happened yet', () =>
    inEvidence({}, async (house, as) => {
      const { token } = await newViewerToken(house, as, await newIncident(house, as));
      const { json } = await look(house, `/i/${token}/data`);
      assert.deepEqual(Object.keys(json), [
        ...['incident', 'chunk_count_by_media_type', 'latest_chunk_by_media_type', 'media', 'streams'],
        ...['completed_streams', 'warning', 'generated_at'],
      ]);
      assert.deepEqual(json.chunk_count_by_media_type, {});
      assert.deepEqual(Object.keys(json.incident), ['id', 'status', 'created_at', 'updated_at']);
      const payload = await look(house, `/i/${token}/viewer-payload`);
      assert.deepEqual(Object.keys(payload.json), ['payload_version', 'incident', 'warning', 'generated_at']);
      const { text } = await look(house, `/i/${token}`);
      for (const words of [
        'No recording has been started yet.',
        'No location has been shared yet.',
        'Nothing yet',
      ])
        assert.ok(text.includes(words), words);
      const { bytes } = await look(house, `/i/${token}/incident/download`);
      assert.deepEqual(Object.keys(unzipSync(bytes)), ['manifest.json']);
    }));

  it('the newest place stays although newer check-ins name none, and turns stale after a quarter of an hour', () =>
    inEvidence({}, async (house, as) => {
      const incidentId = await newIncident(house, as);
      const { token } = await newViewerToken(house, as, incidentId);
      await checkIn(house, as, incidentId, { latitude: 1.5, longitude: 2.5 });
      const seen = house.clock.now();
      const location = async () =>
        (await look(house, `/i/${token}/viewer-payload`)).json.latest_shared_location;
      house.clock.advance(LOCATION_FRESH_MS);
      await checkIn(house, as, incidentId, { device_battery_percent: 0 });
      assert.deepEqual(await location(), {
        latitude: 1.5,
        longitude: 2.5,
        source: 'checkin',
        server_received_at: new Date(seen).toISOString(),
        freshness_status: 'recent',
      });
      const old = 'This location is more than 15 minutes old.';
      assert.ok(!(await look(house, `/i/${token}`)).text.includes(old));
      house.clock.advance(1);
      assert.equal((await location()).freshness_status, 'stale');
      const { text } = await look(house, `/i/${token}`);
      for (const words of [old, '1.5, 2.5', '15 minutes ago', '0 %']) assert.ok(text.includes(words), words);
      const { json } = await look(house, `/i/${token}/data`);
      assert.deepEqual(Object.keys(json.latest_checkin), ['created_at', 'device_battery_percent']);
    }));

  it('a check-in without any state of the device', () =>
    inEvidence({}, async (house, as) => {
      const incidentId = await newIncident(house, as);
      const { token } = await newViewerToken(house, as, incidentId);
      await checkIn(house, as, incidentId, {});
      const { json } = await look(house, `/i/${token}/viewer-payload`);
      assert.deepEqual(Object.keys(json.latest_checkin), ['server_received_at']);
    }));

  it('a closed incident is still shown', () =>
    inEvidence({}, async (house, as) => {
      const incidentId = await newIncident(house, as);
      const { token } = await newViewerToken(house, as, incidentId);
      answers(await post(house, `/v1/incidents/${incidentId}/close`, as), 200);
      assert.equal((await look(house, `/i/${token}/data`)).json.incident.status, 'closed');
      assert.match((await look(house, `/i/${token}`)).text, /data-incident-status>Closed</);
    }));

  it('an incident that nobody owns any more is shown as before', () =>
    inEvidence({}, async (house, _as, owner) => {
      const scene = await newScene(house, owner);
      await disown(house, scene.incidentId);
      for (const path of pathsOfLink(scene.token, scene.complete))
        assert.equal((await look(house, path)).status, 200, path);
    }));
});
