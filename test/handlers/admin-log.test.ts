/** The audit and its log as an admin reads them: whole, in order, a page at a time, and of ids alone. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { tendLog } from '../../src/core/log.ts';
import { auditLeaf } from '../../src/core/log-leaf.ts';
import { openNote, readCheckpoint, signerOf, verifierKey } from '../../src/crypto/signed-note.ts';
import { tokenHash } from '../../src/crypto/tokens.ts';
import { answers, ask, post, type Session } from '../support/ask.ts';
import { newIncident, newStream, newViewerToken, ownerIn, sealedChunk } from '../support/evidence.ts';
import { type House, type HouseOptions, inHouse } from '../support/house.ts';
import { newContact, newGrant, newWrappedKey } from '../support/sharing.ts';
import { upload } from '../support/uploads.ts';
import { adminAt, type Visitor } from './admin-visitor.ts';

const signer = await signerOf('vault.example/log', new Uint8Array(32).fill(3));
const KEY = verifierKey(signer);
const AUDIT = '/admin/api/audit';

interface Office {
  readonly house: House;
  readonly boss: Session;
  /** Asks at the private door. */
  get(path: string, as?: Session): ReturnType<typeof ask>;
}

const inOffice = (options: HouseOptions, use: (office: Office) => Promise<void>) =>
  inHouse(options, async (house) => {
    const { as: boss } = await ownerIn(house, 'an-admin', 'admin');
    await use({ house, boss, get: (path, as = boss) => ask(house, path, { door: 'admin', as }) });
  });

interface Entry {
  readonly id: string;
  readonly action: string;
  readonly incident_id?: string;
}

/** Everything, by following cursors. */
async function everyEntry({ get }: Office, limit: number): Promise<Entry[]> {
  const entries: Entry[] = [];
  let cursor: string | undefined;
  do {
    const query = cursor === undefined ? '' : `&cursor=${cursor}`;
    const { body } = answers(await get(`${AUDIT}?limit=${limit}${query}`), 200);
    assert.ok(body.entries.length <= limit);
    entries.push(...body.entries);
    cursor = body.cursor;
  } while (cursor !== undefined);
  return entries;
}

describe('the audit, as JSON', () => {
  it('is told whole, newest first, whatever the length of its pages', () =>
    inOffice({}, async (office) => {
      const { house } = office;
      const { as, person } = await ownerIn(house);
      const incident = await newIncident(house, as);
      for (let n = 0; n < 5; n += 1) {
        house.clock.advance(1000);
        answers(await post(house, `/v1/incidents/${incident}/checkins`, as), 201);
      }
      const kept = await house.deps.store.audit.list(undefined, 500);
      for (const limit of [1, 3, kept.length, 500]) {
        const told = await everyEntry(office, limit);
        assert.deepEqual(
          told.map(({ id }) => id),
          kept.map(({ id }) => id),
          `${limit} at a time`,
        );
      }
      const [newest] = await everyEntry(office, 500);
      assert.deepEqual(
        { ...newest, id: '', subject_id: '' },
        {
          id: '',
          at: new Date(house.clock.now()).toISOString(),
          listener: 'main',
          actor_kind: 'account',
          actor_account_id: person.account.id,
          action: 'checkin_create',
          route_class: 'incident_write',
          subject_id: '',
          incident_id: incident,
          outcome: 'ok',
        },
      );
    }));

  it('refuses a cursor and a limit that are none', () =>
    inOffice({}, async ({ get }) => {
      for (const limit of ['0', '-1', 'ten', '1.5', ''])
        answers(await get(`${AUDIT}?limit=${limit}`), 400, 'invalid_limit');
      for (const cursor of ['', 'x', 'acct_01ARZ3NDEKTSV4RRFFQ69G5FAV', "aud_' OR 1=1 --"])
        answers(await get(`${AUDIT}?cursor=${encodeURIComponent(cursor)}`), 400, 'invalid_cursor');
      const first = 'aud_00000000000000000000000000';
      assert.deepEqual(answers(await get(`${AUDIT}?cursor=${first}&limit=999999999`), 200).body, {
        entries: [],
      });
    }));

  it('is for admins at the private door', () =>
    inOffice({}, async ({ house, boss, get }) => {
      const { as } = await ownerIn(house);
      for (const path of [AUDIT, '/admin/api/log']) {
        answers(await get(path, as), 403, 'forbidden');
        answers(await ask(house, path, { door: 'admin' }), 401, 'authentication_required');
        answers(await ask(house, path, { as: boss }), 404, 'not_found');
        answers(await ask(house, path, { door: 'admin', as: boss, method: 'DELETE' }), 404, 'not_found');
      }
    }));
});

describe('the log, as JSON', () => {
  it('gives the key at once, and the newest checkpoint when there is one', () =>
    inOffice({ ports: { signer } }, async ({ house, get }) => {
      const before = answers(await get('/admin/api/log'), 200).body;
      assert.deepEqual(before, { verifier_key: KEY, entries: (await house.deps.store.log.size()).leaves });
      await tendLog(house.deps);
      const { checkpoint, ...rest } = answers(await get('/admin/api/log'), 200).body;
      assert.deepEqual(rest, before);
      const said = readCheckpoint((await openNote(checkpoint.note, signer)) ?? '');
      assert.equal(said?.size, before.entries);
      assert.equal(Buffer.from(said?.rootHash ?? []).toString('base64'), checkpoint.root_hash);
      assert.deepEqual(
        [checkpoint.size, checkpoint.verifier_key, checkpoint.created_at, checkpoint.timestamped],
        [said?.size, KEY, new Date(house.clock.now()).toISOString(), false],
      );
      await house.deps.store.log.stamp(checkpoint.size, new Uint8Array([48, 0]));
      assert.equal((await get('/admin/api/log')).body.checkpoint.timestamped, true);
    }));

  it('has no key where nothing signs', () =>
    inOffice({}, async ({ get }) => {
      assert.deepEqual(Object.keys(answers(await get('/admin/api/log'), 200).body), ['entries']);
    }));
});

const rowsIn = (text: string) => [
  ...text.matchAll(/<th role="rowheader" scope="row"><time datetime="([^"]+)"/g),
];

describe('the audit on the dashboard', () => {
  const inside = (options: HouseOptions, use: (who: Visitor, house: House) => Promise<void>) =>
    inHouse(options, async (house) => use((await adminAt(house, 'ada', 'inside')).who, house));

  it('shows a hundred at a time, newest first, to the last', () =>
    inside({}, async (who, house) => {
      const { as } = await ownerIn(house);
      const incident = await newIncident(house, as);
      for (let n = 0; n < 205; n += 1) {
        house.clock.advance(1000);
        answers(await post(house, `/v1/incidents/${incident}/checkins`, as), 201);
      }
      const kept = await house.deps.store.audit.list(undefined, 500);
      const times: string[] = [];
      let path = '/admin/audit';
      for (let page = 0; path !== ''; page += 1) {
        const { status, text } = await who.get(path);
        assert.equal(status, 200);
        times.push(...rowsIn(text).map(([, at = '']) => at));
        assert.equal(text.includes('href="/admin/audit">Newest</a>'), page > 0);
        path = /href="(\/admin\/audit\?cursor=aud_[0-9A-Z]{26})">Older</.exec(text)?.[1] ?? '';
      }
      assert.deepEqual(
        times,
        kept.map(({ at }) => new Date(at).toISOString()),
      );
      for (const cursor of ['x', '"><script>alert(1)</script>', 'acct_01ARZ3NDEKTSV4RRFFQ69G5FAV']) {
        const page = await who.get(`/admin/audit?cursor=${encodeURIComponent(cursor)}`);
        assert.equal(rowsIn(page.text).length, 100, 'an address that somebody typed shows the beginning');
        assert.ok(!page.text.includes('<script'));
      }
    }));

  it('shows the key and the newest checkpoint on the overview', () =>
    inside({ ports: { signer } }, async (who, house) => {
      const before = await who.get('/admin');
      assert.ok(before.text.includes(`<code>${KEY}</code>`));
      assert.match(before.text, /<dt>Newest checkpoint<\/dt><dd>none yet<\/dd>/);
      const checkpoint = await tendLog(house.deps);
      const { text } = await who.get('/admin');
      for (const line of checkpoint?.note.split('\n') ?? []) assert.ok(text.includes(line));
      assert.match(text, /<dt>Its timestamp<\/dt><dd>none: SAFE_TIMESTAMP_URL is not set<\/dd>/);
    }));
});

describe('what people wrote, where they were, and what opens anything', () => {
  it('is in no entry, leaf, checkpoint, page or line of the log', () =>
    inOffice({ ports: { signer } }, async (office) => {
      const { house, get } = office;
      const { as } = await ownerIn(house);
      const word = (of: string) => `canary of the ${of}`;
      const secrets: string[] = [as.token, tokenHash(as.token), office.boss.token];
      const incidentId = await newIncident(house, as, { client_label: word('label'), notes: word('notes') });
      const below = `/v1/incidents/${incidentId}`;
      const place = { latitude: 52.520008, longitude: -13.404954, device_network: word('network') };
      answers(await post(house, `${below}/checkins`, as, place), 201);
      const streamId = await newStream(house, as, incidentId, { label: word('stream') });
      const key = new Uint8Array(randomBytes(32));
      const bytes = await sealedChunk({ incidentId, streamId, key });
      const more = { bytes, filename: `${word('file')}.bin`, key: word('retry').replaceAll(' ', '-') };
      answers(await upload(house, as, { incidentId, streamId }, more), 201);
      const { token } = await newViewerToken(house, as, incidentId, { label: word('link') });
      secrets.push(token, tokenHash(token));
      answers(await ask(house, `/i/${token}/data`), 200);
      const contact = await newContact(house, as, { display_label: word('contact') });
      secrets.push(contact.keys.identity, contact.keys.recipient);
      const grant = await newGrant(house, as, incidentId, contact);
      await newWrappedKey(house, as, incidentId, contact, grant, { media_key_id: word('media key') });
      answers(
        await ask(house, '/v1/auth/login', { body: { username: word('name'), password: word('password') } }),
        401,
        'invalid_credentials',
      );
      answers(
        await post(house, `${below}/streams/${streamId}/fail`, as, { failure_reason: word('failure') }),
        200,
      );
      answers(await post(house, `${below}/deletion`, as, { allow_open: true }), 202);
      secrets.push(
        Buffer.from(key).toString('hex'),
        Buffer.from(key).toString('base64'),
        '52.520008',
        '13.404954',
      );
      const checkpoint = await tendLog(house.deps);

      const entries = await house.deps.store.audit.list(undefined, 500);
      const { leaves } = await house.deps.store.log.size();
      const texts = (await house.deps.store.log.leaves(0, leaves)).map(({ text }) => text);
      const who = (await adminAt(house, 'ada', 'inside')).who;
      const told: Readonly<Record<string, string>> = {
        audit: (await get(`${AUDIT}?limit=500`)).text,
        log: (await get('/admin/api/log')).text,
        leaves: texts.join(''),
        checkpoint: checkpoint?.note ?? '',
        page: (await who.get('/admin/audit')).text,
        overview: (await who.get('/admin')).text,
        lines: JSON.stringify(house.log),
      };
      assert.ok(told.audit?.includes(incidentId) && told.page?.includes(incidentId) && texts.length > 10);
      for (const [where, text] of Object.entries(told)) {
        assert.ok(!text.includes('canary'), `a word is in ${where}`);
        for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} is in ${where}`);
      }
      for (const entry of entries)
        assert.ok(texts.includes(auditLeaf(entry)), 'every entry is a leaf, as it is told');
    }));
});
