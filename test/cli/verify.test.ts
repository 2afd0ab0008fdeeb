/** `sallyport verify`: bundles as they are downloaded, and every way to tamper with one. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { checkBundle } from '../../cli/sallyport/evidence/bundle-check.ts';
import { writeSealedHeader } from '../../src/crypto/sealed.ts';
import { craft, type Packed, pack } from '../support/archives.ts';
import { CHILD_ENV } from '../support/child-env.ts';
import { inEvidence, newIncident, sealedChunk, sha256Hex } from '../support/evidence.ts';
import {
  download,
  entriesOf,
  incidentBundlePath,
  type Recording,
  recording,
  streamBundlePath,
} from '../support/recordings.ts';
import { type TempDir, tempDir } from '../support/temp.ts';

const CLI = fileURLToPath(new URL('../../cli/sallyport.ts', import.meta.url));

/** Looks through a bundle that lies in memory. */
function check(bytes: Uint8Array, maxGap?: number) {
  const handle = {
    async read(into: Buffer, at: number, length: number, place: number) {
      const part = bytes.subarray(place, place + length);
      into.set(part, at);
      return { bytesRead: part.length, buffer: into };
    },
  };
  return checkBundle({ handle: handle as never, size: bytes.length }, { maxGap });
}

async function verdictOf(bytes: Uint8Array, maxGap?: number) {
  const { verdict, problems } = await check(bytes, maxGap);
  return [verdict, ...problems.map(({ code }) => code)].join(' ');
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly said: string;
}

function sallyport(...args: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, ...args], { env: CHILD_ENV }, (error, out, said) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, said });
    });
  });
}

/** Entries of a bundle, to be changed and packed again. */
const unpack = (bytes: Uint8Array): Packed[] =>
  [...entriesOf(bytes)].map(([name, content]) => ({ name, bytes: content }));

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

// biome-ignore lint/suspicious/noExplicitAny: a test knows what it changes
type Json = any;

/** Packs a bundle again after `change` was done to one of its manifests. */
function withManifest(entries: readonly Packed[], name: string, change: (manifest: Json) => void): Packed[] {
  return entries.map((entry) => {
    if (entry.name !== name) return entry;
    const manifest = JSON.parse(new TextDecoder().decode(entry.bytes));
    change(manifest);
    return { name, bytes: json(manifest) };
  });
}

const FIRST = 'manifest.json';
const chunkName = (index: number) => `chunks/audio_${String(index).padStart(6, '0')}.enc`;

describe('sallyport verify', () => {
  let dir: TempDir;
  let made: Recording;
  let other: Recording;
  let stream: Buffer;
  let incident: Buffer;
  let empty: Buffer;
  let unfinished: Buffer;
  let entries: Packed[];
  let files: Record<string, string>;

  before(async () => {
    dir = await tempDir();
    await inEvidence({}, async (house, as) => {
      const get = async (path: string) => Buffer.from((await download(house, path, as)).bytes);
      const incidentId = await newIncident(house, as, { client_label: 'a label' });
      made = await recording(house, as, incidentId, { label: 'front\u202e', media: words(3) });
      // The order of ids is the order of milliseconds.
      house.clock.advance(1000);
      other = await recording(house, as, incidentId, { mediaType: 'video', media: words(2) });
      stream = await get(streamBundlePath(made));
      incident = await get(incidentBundlePath(incidentId));
      empty = await get(incidentBundlePath(await newIncident(house, as)));
      const cut = await recording(house, as, await newIncident(house, as), { final: false });
      unfinished = await get(streamBundlePath(cut));
    });
    entries = unpack(stream);
    files = {};
    for (const [name, bytes] of Object.entries({ stream, incident, empty, unfinished })) {
      files[name] = join(dir.path, `${name}.zip`);
      await writeFile(files[name], bytes);
    }
  });
  after(() => dir.remove());

  const words = (count: number) => Array.from({ length: count }, (_, at) => Buffer.from(`word ${at}`));
  const replaced = (name: string, bytes: Uint8Array) =>
    entries.map((entry) => (entry.name === name ? { name, bytes } : entry));
  /** The stream's bundle with other chunks, and a manifest that says so. */
  const rebuilt = (sealed: readonly Uint8Array[]): Packed[] => {
    const chunks = sealed.map((bytes, at) => ({ name: chunkName(at + 1), bytes }));
    const manifest = withManifest(entries, FIRST, (it) => {
      it.chunk_count = sealed.length;
      it.total_bytes = sealed.reduce((sum, { length }) => sum + length, 0);
      it.chunks = sealed.map((bytes, at) => ({
        ...it.chunks[Math.min(at, it.chunks.length - 1)],
        chunk_index: at + 1,
        byte_size: bytes.length,
        sha256_hex: sha256Hex(bytes),
      }));
    });
    return [...manifest.slice(0, 1), ...chunks];
  };

  describe('as a command', () => {
    it('finds nothing wrong with bundles as they were downloaded', async () => {
      for (const name of ['stream', 'incident', 'empty']) {
        const { code, out, said } = await sallyport('verify', files[name] ?? '');
        assert.equal(code, 0, out + said);
        assert.match(out, /^Everything holds/m);
        assert.ok(!out.includes('\u202e'));
      }
    });

    it('reports as JSON', async () => {
      const { code, out } = await sallyport('verify', '--json', files.incident ?? '');
      assert.equal(code, 0);
      const report = JSON.parse(out);
      assert.equal(report.verdict, 'ok');
      assert.equal(report.bundle, 'incident');
      assert.equal(report.incident_id, made.incidentId);
      assert.deepEqual(report.problems, []);
      assert.deepEqual(
        report.streams.map((one: Json) => [one.stream_id, one.media_type, one.chunk_count, one.end_proven]),
        [
          [made.streamId, 'audio', 3, true],
          [other.streamId, 'video', 2, true],
        ],
      );
      const { sealed } = made;
      assert.equal(
        report.streams[0].total_bytes,
        sealed.reduce((sum, { length }) => sum + length, 0),
      );
      assert.deepEqual(
        [report.streams[0].started_at, report.streams[0].ended_at],
        ['2026-01-02T03:04:05Z', '2026-01-02T03:04:35Z'],
      );
    });

    it('ends with 1 where the end is not proven, and says so', async () => {
      const { code, out } = await sallyport('verify', files.unfinished ?? '');
      assert.equal(code, 1);
      assert.match(out, /end not proven/);
      assert.match(out, /^Not proven/m);
    });

    it('ends with 1 where something is wrong, and names it', async () => {
      const file = join(dir.path, 'changed.zip');
      const bytes = Buffer.from(entries[1]?.bytes ?? []);
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      await writeFile(file, await pack(replaced(chunkName(1), bytes)));
      const { code, out } = await sallyport('verify', file);
      assert.equal(code, 1);
      assert.match(out, /Chunk 1: .*SHA-256/);
      assert.match(out, /^FAILED/m);
    });

    it('ends with 2 where there is nothing to look at', async () => {
      const folder = join(dir.path, 'folder');
      await mkdir(folder);
      for (const args of [[], ['a', 'b'], ['--nothing', 'a'], [join(dir.path, 'no.zip')], [folder]]) {
        const { code, out } = await sallyport('verify', ...args);
        assert.deepEqual([code, out], [2, ''], args.join(' '));
      }
      assert.equal((await sallyport('verify', files.stream ?? '', '--max-gap', 'x')).code, 2);
    });

    it('opens nothing, and needs no network, settings or server', async () => {
      const { code, out } = await sallyport('verify', '--help');
      assert.equal(code, 0);
      assert.match(out, /verify BUNDLE/);
    });
  });

  describe('the bytes of an archive', () => {
    it('any one that is changed shows', async () => {
      for (let at = 0; at < stream.length; at += 1) {
        const bytes = Buffer.from(stream);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
        assert.match(await verdictOf(bytes), /^failed /, `byte ${at}`);
      }
    });

    it('any that are missing show', async () => {
      for (let length = 0; length < stream.length; length += 1)
        assert.match(await verdictOf(stream.subarray(0, length)), /^failed /, `${length} bytes`);
    });

    it('any in front, behind and between show, and are told apart', async () => {
      const more = Buffer.from('more');
      assert.equal(await verdictOf(Buffer.concat([stream, more])), 'failed archive_trailing');
      assert.equal(await verdictOf(Buffer.concat([stream, Buffer.alloc(1)])), 'failed archive_trailing');
      assert.equal(await verdictOf(Buffer.concat([more, stream])), 'failed archive_lengths');
      assert.equal(await verdictOf(more), 'failed not_an_archive');
      assert.equal(await verdictOf(Buffer.alloc(0)), 'failed not_an_archive');
      assert.equal(await verdictOf(stream.subarray(0, 300)), 'failed archive_cut');
      const commented = Buffer.concat([stream, more]);
      commented.writeUInt16LE(more.length, stream.length - 2);
      assert.equal(await verdictOf(commented), 'failed archive_trailing');
      const gap = craft(entries, {
        entry(at, parts) {
          if (at === 1) parts.between = more;
        },
      });
      assert.equal(await verdictOf(gap), 'failed entry_between');
      const last = craft(entries, {
        entry(at, parts) {
          if (at === entries.length - 1) parts.between = more;
        },
      });
      assert.match(await verdictOf(last), /^failed .*archive_lengths$/);
    });

    it('are those of the honest builder when nothing was done to them', async () => {
      assert.equal(await verdictOf(craft(entries, {})), 'ok');
      assert.equal(await verdictOf(await pack(entries)), 'ok');
    });
  });

  describe('an archive that was made to deceive', () => {
    const lying = (change: (parts: { local: Buffer; central: Buffer }) => void, which = 2) =>
      verdictOf(
        craft(entries, {
          entry(at, parts) {
            if (at === which) change(parts);
          },
        }),
      );

    for (const [name, code] of [
      ['../manifest.json', 'entry_path'],
      ['chunks/../../x', 'entry_path'],
      ['/etc/passwd', 'entry_path'],
      ['C:/x', 'entry_path'],
      ['chunks\\audio_000002.enc', 'entry_path'],
      ['./chunks/audio_000002.enc', 'entry_name'],
      ['chunks//audio_000002.enc', 'entry_name'],
      ['chunks/audio_000002.enc/', 'entry_name'],
      ['chunks/audio_000002.enc\0.jpg', 'entry_name'],
      ['chunks/audio_00000\u0032\u200b.enc', 'entry_name'],
      ['x'.repeat(256), 'entry_name'],
      ['chunks/audio_2.enc', 'entry_unexpected'],
      ['chunks/video_000002.enc', 'entry_unexpected'],
      ['CHUNKS/AUDIO_000002.ENC', 'entry_unexpected'],
      ['chunks/audio_000003.enc', 'entry_unexpected'],
      ['chunks/audio_000001.enc', 'entry_duplicate'],
      ['manifest.json', 'entry_duplicate'],
    ] as const) {
      it(`an entry called ${JSON.stringify(name.slice(0, 40))}`, async () => {
        const renamed = entries.map((entry, at) => (at === 2 ? { ...entry, name } : entry));
        assert.equal(await verdictOf(await pack(renamed)), `failed ${code}`);
      });
    }

    it('entries that are missing, too many, twice or in another order', async () => {
      const [manifest, one, two, three] = entries as [Packed, Packed, Packed, Packed];
      const of = async (...list: Packed[]) => verdictOf(await pack(list));
      assert.equal(await of(manifest, one, two), 'failed entry_missing');
      assert.equal(await of(manifest, one, three), 'failed entry_unexpected');
      assert.equal(await of(manifest, two, one, three), 'failed entry_unexpected');
      assert.equal(await of(one, manifest, two, three), 'failed entry_unexpected');
      assert.equal(await of(one, two, three), 'failed entry_unexpected');
      assert.equal(await of(manifest, one, two, three, three), 'failed entry_duplicate');
      assert.equal(await of(manifest, one, two, three, manifest), 'failed entry_duplicate');
      const extra = { name: 'read-me.txt', bytes: Buffer.from('x') };
      assert.equal(await of(manifest, one, two, three, extra), 'failed entry_unexpected');
      assert.equal(await of(extra, manifest, one, two, three), 'failed entry_unexpected');
      assert.equal(await of(), 'failed entry_missing');
      const proof = { name: 'custody/checkpoint', bytes: Buffer.from('x') };
      assert.equal(await of(manifest, one, two, three, proof), 'ok');
      assert.equal(await of(manifest, one, two, three, proof, proof), 'failed entry_duplicate');
      assert.equal(await of(manifest, proof, one, two, three), 'failed entry_unexpected');
      const hidden = { name: 'custody/chunks/x', bytes: Buffer.from('x') };
      assert.equal(await of(manifest, one, two, three, hidden), 'failed entry_unexpected');
    });

    it('entries that are compressed, encrypted, or sized behind their bytes', async () => {
      const content = Object.fromEntries(entries.map(({ name, bytes }) => [name, bytes]));
      assert.equal(await verdictOf(zipSync(content, { level: 9 })), 'failed entry_compressed');
      assert.equal(await verdictOf(zipSync(content, { level: 0 })), 'failed archive_foreign');
      for (const [flag, code] of [
        [0x01, 'entry_encrypted'],
        [0x40, 'entry_encrypted'],
        [0x2000, 'entry_encrypted'],
        [0x08, 'entry_sizes'],
        [0x02, 'archive_foreign'],
      ] as const) {
        const seen = await lying(({ local, central }) => {
          local.writeUInt16LE(0x800 | flag, 6);
          central.writeUInt16LE(0x800 | flag, 8);
        });
        assert.equal(seen, `failed ${code}`);
      }
    });

    it('sizes, places and checksums that are false', async () => {
      const both = (change: (size: number) => number) =>
        lying(({ local, central }) => {
          for (const [header, at] of [[local, 18] as const, [central, 20] as const]) {
            const size = change(header.readUInt32LE(at));
            header.writeUInt32LE(size, at);
            header.writeUInt32LE(size, at + 4);
          }
        });
      assert.equal(await both((size) => size - 1), 'failed chunk_size');
      assert.equal(await both((size) => size + 1), 'failed chunk_size');
      assert.equal(await both(() => 0x7fff_ffff), 'failed entry_sizes');
      assert.equal(await both(() => 0xffff_ffff), 'failed archive_foreign');
      assert.equal(await lying(({ central }) => central.writeUInt32LE(7, 20)), 'failed entry_sizes');
      assert.equal(await lying(({ local }) => local.writeUInt32LE(7, 18)), 'failed entry_disagrees');
      assert.equal(await lying(({ local }) => local.write('x', 30)), 'failed entry_disagrees');
      assert.equal(await lying(({ central }) => central.writeUInt32LE(0, 42)), 'failed entry_overlap');
      const before = ({ central }: { central: Buffer }) =>
        central.writeUInt32LE(central.readUInt32LE(42) - 1, 42);
      assert.equal(await lying(before), 'failed entry_overlap');
      const behind = ({ central }: { central: Buffer }) =>
        central.writeUInt32LE(central.readUInt32LE(42) + 1, 42);
      assert.equal(await lying(behind), 'failed entry_between');
      const sums = ({ local, central }: { local: Buffer; central: Buffer }) => {
        local.writeUInt32LE(1, 14);
        central.writeUInt32LE(1, 16);
      };
      assert.equal(await lying(sums), 'failed chunk_checksum');
      assert.equal(await lying(sums, 0), 'failed entry_checksum');
      const modes = ({ central }: { central: Buffer }) => central.writeUInt32LE(0o120777 * 65_536, 38);
      assert.equal(await lying(modes), 'failed archive_foreign');
    });

    it('ends that count otherwise', async () => {
      const ending = (change: (it: { entries: number; offset: number; length: number }) => void) =>
        verdictOf(
          craft(entries, {
            end(directory) {
              const changed = { ...directory };
              change(changed);
              return changed;
            },
          }),
        );
      const counted = async (by: number) =>
        ending((it) => {
          it.entries += by;
        });
      assert.match(await counted(1), /^failed .*archive_lengths$/);
      assert.match(await counted(-1), /^failed (.*archive_lengths|entry_missing)$/);
      for (const change of [
        (it: { offset: number }) => {
          it.offset -= 1;
        },
        (it: { length: number }) => {
          it.length -= 1;
        },
        (it: { entries: number }) => {
          it.entries = 0xffff;
        },
        (it: { offset: number }) => {
          it.offset = 2 ** 52;
        },
      ])
        assert.match(await ending(change), /^failed archive_(lengths|cut)$/);
      const absurd = craft(entries, { end: (it) => ({ ...it, entries: 2 ** 40 }) });
      assert.match(await verdictOf(absurd), /^failed .*archive_lengths$/);
    });
  });

  describe('chunks that are others than they were', () => {
    it('changed, with every checksum made right again', async () => {
      const bytes = Buffer.from(made.sealed[1] ?? []);
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      assert.equal(await verdictOf(await pack(replaced(chunkName(2), bytes))), 'failed chunk_digest');
    });

    it('left out in the middle, swapped or from elsewhere, with a manifest that says so', async () => {
      const [one, two, three] = made.sealed as [Uint8Array, Uint8Array, Uint8Array];
      const of = async (...sealed: Uint8Array[]) => verdictOf(await pack(rebuilt(sealed)));
      assert.equal(await of(one, two, three), 'ok');
      assert.equal(await of(one, three), 'failed chunk_context');
      assert.equal(await of(two, one, three), 'failed chunk_context chunk_context');
      assert.equal(await of(one, two, three, three), 'failed final_early chunk_context');
      assert.equal(await of(one, other.sealed[1] ?? one, three), 'failed chunk_context');
      assert.equal(await of(one, two, Buffer.from('media in the clear')), 'failed chunk_not_sealed');
      assert.equal(await of(one, two.subarray(0, -7), three), 'failed chunk_not_sealed');
    });

    it('left out at the end: the end is not proven', async () => {
      const [one, two] = made.sealed as [Uint8Array, Uint8Array];
      assert.equal(await verdictOf(await pack(rebuilt([one, two]))), 'not_proven end_not_proven');
      assert.equal(await verdictOf(await pack(rebuilt([one]))), 'not_proven end_not_proven');
    });

    it('that end too early for what is sealed, or say that they are pastes', async () => {
      const context = { incidentId: made.incidentId, streamId: made.streamId, index: 1, final: true };
      const whole = await sealedChunk({ ...context, media: Buffer.alloc(0) });
      assert.equal(await verdictOf(await pack(rebuilt([whole]))), 'ok');
      assert.equal(await verdictOf(await pack(rebuilt([whole.subarray(0, -1)]))), 'failed chunk_not_sealed');
      const salt = new Uint8Array(16);
      const paste = writeSealedHeader({ salt, kdf: { id: 'none' }, context: { kind: 'paste' } });
      const sealed = Buffer.concat([paste, Buffer.alloc(100)]);
      assert.equal(await verdictOf(await pack(rebuilt([sealed]))), 'failed chunk_context');
    });
  });

  describe('manifests that are others than they were', () => {
    const stated = async (change: (manifest: Json) => void) =>
      verdictOf(await pack(withManifest(entries, FIRST, change)));
    const spelled = async (change: (text: string) => string) => {
      const text = new TextDecoder().decode(entries[0]?.bytes);
      return verdictOf(await pack(replaced(FIRST, Buffer.from(change(text)))));
    };

    it('with members more, less, twice or of another kind', async () => {
      for (const change of [
        (it: Json) => {
          it.key = 'x';
        },
        (it: Json) => {
          it.chunks[0].path = '/x';
        },
        (it: Json) => {
          it.status = 'open';
        },
        (it: Json) => {
          it.encryption.server_decrypts = true;
        },
        (it: Json) => {
          it.created_at = 'yesterday';
        },
        (it: Json) => {
          it.created_at = '2026-01-02T03:04:05+00:00';
        },
        (it: Json) => {
          it.chunks[1].byte_size = '10';
        },
        (it: Json) => {
          it.chunks[1].byte_size = 1.5;
        },
        (it: Json) => {
          it.chunks[1].sha256_hex = it.chunks[1].sha256_hex.toUpperCase();
        },
        (it: Json) => {
          delete it.chunks;
        },
        (it: Json) => {
          it.stream_id = '../x';
        },
      ])
        assert.equal(await stated(change), 'failed manifest_malformed', change.toString());
      assert.equal(
        await spelled((text) => text.replace('{', '{"status":"open",')),
        'failed manifest_malformed',
      );
      assert.equal(await spelled((text) => text.replace(':', ': ')), 'failed manifest_malformed');
      assert.equal(await spelled((text) => `\ufeff${text}`), 'failed manifest_malformed');
      assert.equal(await spelled((text) => `${text}{}`), 'failed manifest_malformed');
      assert.equal(await spelled(() => 'null'), 'failed manifest_malformed');
      assert.equal(await spelled(() => '[]'), 'failed manifest_malformed');
      assert.equal(await spelled(() => ''), 'failed manifest_malformed');
    });

    it('that count otherwise than they list', async () => {
      for (const change of [
        (it: Json) => {
          it.chunk_count = 2;
        },
        (it: Json) => {
          it.chunk_count = 4;
        },
        (it: Json) => {
          it.total_bytes += 1;
        },
        (it: Json) => {
          it.chunks[1].chunk_index = 1;
        },
        (it: Json) => {
          it.chunks.reverse();
        },
        (it: Json) => {
          it.chunks[1].media_type = 'video';
        },
        (it: Json) => {
          it.chunks = [];
          it.chunk_count = 0;
          it.total_bytes = 0;
        },
      ])
        assert.equal(await stated(change), 'failed manifest_inconsistent', change.toString());
    });

    it('that speak of other streams and sizes', async () => {
      const contexts = 'failed chunk_context chunk_context chunk_context';
      const other = 'inc_01ARZ3NDEKTSV4RRFFQ69G5FAV';
      assert.equal(
        await stated((it) => {
          it.incident_id = other;
        }),
        contexts,
      );
      assert.equal(
        await stated((it) => {
          it.stream_id = 'str_01ARZ3NDEKTSV4RRFFQ69G5FAV';
        }),
        contexts,
      );
      const resized = (it: Json) => {
        it.chunks[0].byte_size += 1;
        it.chunks[1].byte_size -= 1;
      };
      assert.equal(await stated(resized), 'failed chunk_size');
      assert.equal(
        await stated((it) => {
          it.chunks[2].sha256_hex = '0'.repeat(64);
        }),
        'failed chunk_digest',
      );
    });

    it('of an incident and its streams that disagree', async () => {
      const all = unpack(incident);
      const of = async (name: string, change: (manifest: Json) => void) =>
        verdictOf(await pack(withManifest(all, name, change)));
      assert.equal(await of(FIRST, () => {}), 'ok');
      const own = `streams/${made.streamId}/${FIRST}`;
      assert.equal(
        await of(own, (it) => {
          it.label = 'another';
        }),
        'failed manifest_inconsistent',
      );
      for (const change of [
        (it: Json) => {
          it.streams[0].label = 'another';
        },
        (it: Json) => {
          it.stream_count = 3;
        },
        (it: Json) => {
          it.total_bytes -= 1;
        },
        (it: Json) => {
          it.streams[1] = it.streams[0];
        },
        (it: Json) => {
          it.incident.id = 'inc_01ARZ3NDEKTSV4RRFFQ69G5FAV';
        },
      ])
        assert.equal(await of(FIRST, change), 'failed manifest_inconsistent', change.toString());
      assert.equal(
        await of(FIRST, (it) => {
          it.streams.reverse();
        }),
        'failed entry_unexpected',
      );
      assert.equal(
        await of(FIRST, (it) => {
          it.incident.notes = 'x';
        }),
        'failed manifest_malformed',
      );
      const without = (it: Json) => {
        it.total_bytes -= it.streams[1].total_bytes;
        it.streams.pop();
        it.stream_count = 1;
      };
      assert.equal(await of(FIRST, without), 'failed entry_unexpected');
    });
  });

  describe('times', () => {
    const timed = (...times: [string, string][]) =>
      pack(
        withManifest(entries, FIRST, (it) => {
          for (const [at, [started, ended]] of times.entries())
            Object.assign(it.chunks[at], { started_at: started, ended_at: ended });
        }),
      );
    const at = (seconds: number, fraction = '') =>
      new Date(Date.UTC(2026, 0, 2, 3, 4, 5) + seconds * 1000).toISOString().replace('.000Z', `${fraction}Z`);

    it('that leave something out or overlap are told, and may be bounded', async () => {
      const bytes = await timed([at(0), at(10)], [at(25, '.5'), at(30)], [at(28), at(40)]);
      const { verdict, streams } = await check(bytes);
      assert.equal(verdict, 'ok');
      assert.deepEqual(streams[0]?.gaps, [
        { afterIndex: 1, seconds: 15.5 },
        { afterIndex: 2, seconds: -2 },
      ]);
      assert.equal(await verdictOf(bytes, 15.5), 'ok');
      assert.equal(await verdictOf(bytes, 15), 'not_proven gap_too_long');
      const file = join(dir.path, 'gaps.zip');
      await writeFile(file, bytes);
      const { code, out } = await sallyport('verify', '--max-gap', '15', file);
      assert.equal(code, 1);
      assert.match(out, /nothing for 15\.5 s after chunk 1/);
      assert.match(out, /overlap by 2 s/);
    });

    it('of less than a second are nothing', async () => {
      const bytes = await timed([at(0), at(10)], [at(10, '.999999999'), at(20)], [at(19), at(30)]);
      assert.deepEqual((await check(bytes)).streams[0]?.gaps, []);
    });

    it('that run backwards are told', async () => {
      const backwards = await timed([at(10), at(20)], [at(5), at(8)], [at(20), at(30)]);
      assert.equal(await verdictOf(backwards), 'not_proven chunk_order');
      const impossible = await timed([at(10), at(9)]);
      assert.equal(await verdictOf(impossible), 'failed chunk_times');
    });
  });
});
