/**
 * Bundles as one suite for every way to reach the main door: what a runtime could get wrong is the exact length of a
 * body that is made while it is sent, and its parts; what is in them is tested with the handlers.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { answers, post, type Session } from '../support/ask.ts';
import type { BothDoors, BothDoorsTarget } from '../support/both-doors.ts';
import { anotherOwner, firstAdmin, newIncident } from '../support/evidence.ts';
import {
  download,
  entriesOf,
  incidentBundlePath,
  type Recording,
  recording,
  streamBundlePath,
} from '../support/recordings.ts';

const MIB = 1024 * 1024;
const SETTINGS = { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false', SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false' };

export function bundleSuite(target: BothDoorsTarget): void {
  describe(`bundles by ${target.name}`, { timeout: 600_000 }, () => {
    let doors: BothDoors;
    let as: Session;
    let made: Recording;
    let paths: string[];

    before(async () => {
      doors = await target.open(SETTINGS);
      as = await anotherOwner(doors, await firstAdmin(doors));
      const incidentId = await newIncident(doors, as);
      const media = [Buffer.alloc(5 * MIB, 1), Buffer.alloc(1, 2), Buffer.alloc(MIB, 3)];
      made = await recording(doors, as, incidentId, { mediaType: 'video', media });
      paths = [streamBundlePath(made), incidentBundlePath(incidentId)];
    });
    after(() => doors?.close());

    it('come whole, as long as was announced, and hold what was uploaded', async () => {
      for (const path of paths) {
        const { status, headers, bytes } = await download(doors, path, as);
        assert.equal(status, 200);
        assert.equal(headers.get('content-length'), String(bytes.length));
        assert.equal(headers.get('content-type'), 'application/zip');
        assert.equal(headers.get('transfer-encoding'), null);
        const chunks = [...entriesOf(bytes)].filter(([name]) => name.endsWith('.enc'));
        assert.equal(chunks.length, made.sealed.length);
        for (const [at, [name, content]] of chunks.entries())
          assert.ok(Buffer.from(content).equals(made.sealed[at] ?? Buffer.of()), name);
      }
    });

    it('tell their length and tag to HEAD', async () => {
      for (const path of paths) {
        await whileItStays(async () => {
          const { headers, bytes } = await download(doors, path, as);
          const head = await download(doors, path, as, {}, 'HEAD');
          if (head.headers.get('etag') !== headers.get('etag')) return false;
          assert.equal(head.status, 200);
          assert.equal(head.bytes.length, 0);
          for (const name of [
            'content-length',
            'etag',
            'accept-ranges',
            'content-disposition',
            'content-type',
          ])
            assert.equal(head.headers.get(name), headers.get(name), name);
          assert.equal(head.headers.get('content-length'), String(bytes.length));
          return true;
        });
      }
    });

    it('come in parts, each as long as was announced', async () => {
      for (const path of paths) await whileItStays(() => inParts(path));
    });

    /** A checkpoint that is made meanwhile goes into a bundle, which is another one then: `look` answers false. */
    async function whileItStays(look: () => Promise<boolean>): Promise<void> {
      for (let rounds = 0; !(await look()); rounds += 1)
        assert.ok(rounds < 5, 'the bundle is another one each time');
    }

    /** @returns false when the bundle became another one */
    async function inParts(path: string): Promise<boolean> {
      const { headers, bytes } = await download(doors, path, as);
      const total = bytes.length;
      const etag = headers.get('etag') ?? '';
      for (const [start, end] of [
        [0, 1],
        [3 * MIB, total],
        [MIB - 1, 2 * MIB + 1],
        [total - 100, total],
      ] as const) {
        const range = `bytes=${start}-${end - 1}`;
        const part = await download(doors, path, as, { range, 'if-range': etag });
        if (part.status === 200 && part.headers.get('etag') !== etag) return false;
        assert.equal(part.status, 206);
        assert.equal(part.headers.get('content-length'), String(end - start));
        assert.equal(part.headers.get('content-range'), `bytes ${start}-${end - 1}/${total}`);
        assert.ok(Buffer.from(part.bytes).equals(bytes.subarray(start, end)), range);
      }
      const beyond = await download(doors, path, as, { range: `bytes=${total}-` });
      assert.deepEqual([beyond.status, beyond.code], [416, 'range_not_satisfiable']);
      return true;
    }

    it('come whole where only the tag of another is shown', async () => {
      const headers = { range: 'bytes=100-', 'if-range': '"another"' };
      const whole = await download(doors, incidentBundlePath(made.incidentId), as, headers);
      assert.equal(whole.status, 200);
      assert.equal(whole.headers.get('content-length'), String(whole.bytes.length));
    });

    it('are refused while their incident is deleted', async () => {
      const incidentId = await newIncident(doors, as);
      const gone = await recording(doors, as, incidentId);
      answers(await post(doors, `/v1/incidents/${incidentId}/deletion`, as, { allow_open: true }), 202);
      for (const path of [streamBundlePath(gone), incidentBundlePath(incidentId)]) {
        const refused = await download(doors, path, as);
        assert.ok(
          ['incident_deleting', 'incident_not_found'].includes(refused.code ?? ''),
          String(refused.code),
        );
      }
    });
  });
}
