/** What the rooms of incidents can answer to their owner, each kind once: for the tests of headers and of logs. */
import assert from 'node:assert/strict';
import { ownerIn, setDeletionState } from '../support/evidence.ts';
import type { Asked, Situation } from './situations.ts';

const ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';

export const recording: Situation = {
  name: 'incidents of an account',
  options: {},
  async run(ask, mark, house) {
    const { as } = await ownerIn(house);
    const authorization = `Bearer ${as.token}`;

    async function expecting(asked: Promise<Asked>, status: number, code?: string): Promise<Asked> {
      const answer = await asked;
      assert.deepEqual([answer.status, answer.code], [status, code]);
      return answer;
    }
    const get = (path: string) => ask('main', path, { headers: { authorization } });
    const post = (path: string, body: object = {}) =>
      ask('main', path, { method: 'POST', headers: { authorization }, body: JSON.stringify(body) });
    const made = async (path: string, body: object) =>
      JSON.parse((await expecting(post(path, body), 201)).text);

    const words = { client_label: `label ${mark}`, notes: `notes ${mark}` };
    const { incident_id: id } = await made('/v1/incidents', words);
    await made('/v1/incidents', {});
    const incident = `/v1/incidents/${id}`;
    await made(`${incident}/checkins`, { device_network: mark, latitude: 48.2, longitude: 16.4 });
    const { stream } = await made(`${incident}/streams`, { media_type: 'audio', label: mark });
    const { token_id } = await made(`${incident}/incident-tokens`, { label: mark });
    const inside = [`${incident}/streams/${stream.id}`, `${incident}/incident-tokens/${token_id}`];

    for (const path of [
      '/v1/incidents',
      incident,
      `${incident}/streams`,
      `${incident}/incident-tokens`,
      ...inside,
    ]) {
      await expecting(get(path), 200);
      await expecting(ask('main', path, { method: 'HEAD', headers: { authorization } }), 200);
    }
    const page = await expecting(get('/v1/incidents?limit=1'), 200);
    assert.match(page.headers.get('link') ?? '', /rel="next"/);

    // A mark in place of every value, and of every id.
    const modes = ['incident_mode', 'capture_profile', 'escalation_policy', 'sharing_state'];
    for (const name of modes)
      await expecting(post('/v1/incidents', { [name]: mark }), 400, `invalid_${name}`);
    for (const name of ['client_label', 'notes']) {
      const long = { [name]: mark.repeat(500) };
      await expecting(post('/v1/incidents', long), 400, `invalid_${name}`);
    }
    await expecting(post('/v1/incidents', { [mark]: mark }), 400, 'invalid_json');
    await expecting(post('/v1/incidents', { notes: mark.repeat(5000) }), 413, 'request_too_large');
    await expecting(get(`/v1/incidents?limit=${mark}`), 400, 'invalid_limit');
    await expecting(get(`/v1/incidents?after=${mark}`), 400, 'invalid_cursor');
    await expecting(post(`${incident}/checkins`, { latitude: mark }), 400, 'invalid_checkin');
    await expecting(post(`${incident}/streams`, { media_type: mark }), 400, 'invalid_media_type');
    const label = mark.repeat(50);
    await expecting(post(`${incident}/streams`, { media_type: 'audio', label }), 400, 'invalid_label');
    await expecting(post(`${incident}/incident-tokens`, { label }), 400, 'invalid_label');
    await expecting(post(`${incident}/incident-tokens`, { expires_at: mark }), 400, 'invalid_expires_at');
    await expecting(post(`${incident}/deletion`, { reason_code: `${mark} ` }), 400, 'invalid_reason_code');
    const [at, token] = inside;
    await expecting(
      post(`${at}/complete`, { expected_chunk_count: mark }),
      400,
      'invalid_expected_chunk_count',
    );
    await expecting(post(`${at}/fail`, { failure_reason: mark.repeat(50) }), 400, 'invalid_failure_reason');
    for (const name of [mark, `inc_${ULID}`]) {
      await expecting(get(`/v1/incidents/${name}`), 404, 'incident_not_found');
      await expecting(get(`${incident}/streams/${name}`), 404, 'stream_not_found');
      await expecting(get(`${incident}/incident-tokens/${name}`), 404, 'incident_token_not_found');
      await expecting(post(`/v1/incident-tokens/${name}/revoke`), 404, 'incident_token_not_found');
    }
    await expecting(ask('main', `/v1/incidents/${mark}`), 401, 'authentication_required');

    await expecting(post(`${at}/complete`, { expected_chunk_count: 1 }), 409, 'stream_chunks_incomplete');
    await expecting(post(`${at}/fail`, { failure_reason: mark }), 200);
    await expecting(post(`${at}/fail`), 409, 'stream_not_open');
    await expecting(post(`${at}/complete`, { expected_chunk_count: 1 }), 409, 'stream_failed');
    await expecting(post(`/v1/incident-tokens/${token_id}/revoke`), 200);
    await expecting(get(token ?? ''), 200);
    await expecting(get(`${incident}/deletion`), 404, 'incident_deletion_not_found');
    await expecting(post(`${incident}/deletion`), 409, 'incident_deletion_invalid_state');
    await expecting(post(`${incident}/close`), 200);
    await expecting(post(`${incident}/streams`, { media_type: 'audio' }), 409, 'incident_closed');
    await expecting(post(`${incident}/deletion`, { reason_code: mark }), 202);
    await expecting(get(`${incident}/deletion`), 200);
    await expecting(post(`${incident}/checkins`), 409, 'incident_deleting');
    await setDeletionState(house, id, 'deleted');
    await expecting(get(incident), 404, 'incident_not_found');
  },
};
