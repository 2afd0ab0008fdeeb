/** The client's parts, each alone. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { encode } from 'uqr';
import { parseArguments } from '../../cli/fpaste/args.ts';
import { clipboardPrograms, osc52 } from '../../cli/fpaste/clipboard.ts';
import { guessMime } from '../../cli/fpaste/mime.ts';
import { passwordHeader } from '../../cli/fpaste/password.ts';
import { progressLine } from '../../cli/fpaste/progress.ts';
import { parseReference } from '../../cli/fpaste/reference.ts';
import { ReplayableBody } from '../../cli/fpaste/replay.ts';
import { Spool } from '../../cli/fpaste/spool.ts';
import { solveChallenge } from '../../cli/fpaste/work.ts';
import { solveWork } from '../../cli/fpaste/work-solver.ts';
import { parseSeconds, spokenSeconds } from '../../cli/shared/duration.ts';
import { Failure } from '../../cli/shared/failure.ts';
import { fingerprintOf } from '../../cli/shared/fingerprint.ts';
import type { Answer } from '../../cli/shared/http.ts';
import { numberedName, safeFileName } from '../../cli/shared/names.ts';
import { qrCode } from '../../cli/shared/qr.ts';
import { type RetryPolicy, retryAfterMs, retrying } from '../../cli/shared/retry.ts';
import { printable, TextWatch } from '../../cli/shared/text.ts';

test('durations are what people type', () => {
  assert.equal(parseSeconds('90', 'x'), 90);
  assert.equal(parseSeconds('1h30m', 'x'), 5400);
  assert.equal(parseSeconds('2d', 'x'), 172_800);
  assert.equal(parseSeconds('1w', 'x'), 604_800);
  for (const wrong of ['', '0', '-1', '1.5h', 'h', '1y', '1h 30m', '1e9', '0m'])
    assert.throws(() => parseSeconds(wrong, 'x'), Failure);
  assert.equal(spokenSeconds(5400), '1 h 30 min');
});

test('short options may be joined, and their values too', () => {
  const request = parseArguments(['create', '-eqx1h', '--name=a=b', '--', '-file']);
  assert.equal(request.kind, 'run');
  if (request.kind !== 'run') return;
  assert.ok(request.parsed.has('encrypt') && request.parsed.has('quiet'));
  assert.equal(request.parsed.value('expiry'), '1h');
  assert.equal(request.parsed.value('name'), 'a=b');
  assert.deepEqual(request.parsed.positionals, ['-file']);
});

test('a file name from a paste is safe in any folder', () => {
  const cases: readonly (readonly [string | undefined, string])[] = [
    ['report.pdf', 'report.pdf'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Windows\\evil.exe', 'evil.exe'],
    ['/', 'F'],
    ['..', 'F'],
    ['', 'F'],
    [undefined, 'F'],
    ['.bashrc', 'bashrc'],
    ['-rf', 'rf'],
    ['--help', 'help'],
    ['~root', 'root'],
    ['CON', '_CON'],
    ['nul.txt', '_nul.txt'],
    ['com1', '_com1'],
    ['COM\u00b9.log', '_COM\u00b9.log'],
    ['a:b*c?.txt', 'a_b_c_.txt'],
    ['tail. . ', 'tail'],
    ['a\u0000b\nc', 'a_b_c'],
    ['gpj.\u202eexe', 'gpj._exe'],
  ];
  for (const [name, expected] of cases) assert.equal(safeFileName(name, 'F'), expected, JSON.stringify(name));
});

test('whatever a paste is called, its file name stays in the folder and on the line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (name) => {
      const safe = safeFileName(name, 'fallback');
      assert.ok(safe.length > 0 && Buffer.byteLength(safe) <= 201);
      assert.doesNotMatch(safe, /[/\\\p{Cc}\p{Cf}]|^[.\-~]|[. ]$/u);
    }),
    { numRuns: 2000 },
  );
});

test('a second file of one name gets a number before the extension', () => {
  assert.deepEqual(
    [0, 1, 2].map((n) => numberedName('a.tar', n)),
    ['a.tar', 'a.1.tar', 'a.2.tar'],
  );
  assert.equal(numberedName('README', 1), 'README.1');
});

test('a password goes as it is when it is visible ASCII, and encoded otherwise', () => {
  assert.equal(passwordHeader('two words'), 'two words');
  assert.equal(passwordHeader(' leading'), "UTF-8''%20leading");
  assert.equal(passwordHeader('ü'), "UTF-8''%C3%BC");
  assert.equal(passwordHeader("utf-8''x"), "UTF-8''utf-8%27%27x");
});

test('a reference is a link, an address or an id', () => {
  const server = new URL('https://host/paste/');
  const id = '0123456789abcdefghjkmnpqrs';
  const key = 'A'.repeat(43);
  assert.equal(parseReference(id, server).url.href, `https://host/paste/${id}`);
  assert.equal(parseReference(` ${id}#${key}\n`, server).key?.length, 32);
  const other = parseReference(`https://other:8443/p/${id}/raw#${key}`, server);
  assert.deepEqual(
    [other.url.href, other.base.href, other.bare],
    [`https://other:8443/p/${id}`, 'https://other:8443/p/', false],
  );
  for (const wrong of [
    '',
    'x',
    `${id}#short`,
    `https://host/${id}?q#${key}`,
    `https://u:p@host/${id}`,
    `file:///${id}`,
    id.toUpperCase(),
  ]) {
    assert.throws(() => parseReference(wrong, server), Failure);
  }
});

test('a fingerprint may be written as OpenSSL does', () => {
  const hex = 'ab'.repeat(32);
  assert.equal(fingerprintOf('AB:'.repeat(31).concat('AB')), hex);
  assert.equal(fingerprintOf(`sha256:${hex}`), hex);
  assert.throws(() => fingerprintOf(hex.slice(2)), Failure);
});

test('text from elsewhere cannot give orders to a terminal', () => {
  assert.equal(printable('a\u001b[31mb\nc\u202ed'), 'a\uFFFD[31mb\uFFFDc\uFFFDd');
});

test('plain text is told from everything else, wherever the pieces are cut', () => {
  const judge = (bytes: Uint8Array, cut: number): boolean => {
    const watch = new TextWatch();
    watch.see(bytes.subarray(0, cut));
    watch.see(bytes.subarray(cut));
    return watch.isPlain();
  };
  const text = new TextEncoder().encode('grüße 🙂\ttab\r\nline');
  for (let cut = 0; cut <= text.length; cut += 1) assert.ok(judge(text, cut));
  assert.ok(!judge(new TextEncoder().encode('a\u001b[2J'), 1));
  assert.ok(!judge(Uint8Array.of(0xff, 0xfe), 1));
  assert.ok(!judge(Uint8Array.of(0xe2, 0x98), 1));
});

test('a type is guessed by name, then by content', () => {
  assert.equal(guessMime('A.PDF', new Uint8Array(0)), 'application/pdf');
  assert.equal(guessMime(undefined, new TextEncoder().encode('text')), 'text/plain');
  assert.equal(guessMime('x.unknown', Uint8Array.of(0, 1, 2)), 'application/octet-stream');
});

test('the solver agrees with the runtime’s SHA-256 for tokens of any length', () => {
  for (const length of [0, 1, 20, 43, 48, 54, 55, 56, 63, 64, 65, 119, 200]) {
    const token = 't'.repeat(length);
    const solution = solveWork(token, 10, 0, 1, { tried: () => undefined });
    const hash = createHash('sha256').update(`${token}:${solution}`).digest();
    assert.equal(hash.readUInt16BE(0) >> 6, 0, `a token of ${length} characters`);
  }
});

test('threads share the work and stop when one is done', async () => {
  const token = randomBytes(36).toString('base64url');
  const solution = await solveChallenge({ token, difficulty: 18 }, () => undefined, 3);
  const hash = createHash('sha256').update(`${token}:${solution}`).digest();
  assert.equal(hash.readUInt32BE(0) >>> 14, 0);
  await assert.rejects(
    solveChallenge({ token, difficulty: 60 }, () => undefined),
    Failure,
  );
});

test('progress has a bar where the end is known', () => {
  assert.equal(progressLine('Up', 512, 1024, 'bytes', 1), 'Up [############............]  50% 512 B 512 B/s');
  assert.equal(progressLine('Up', 512, undefined, 'bytes', 1), 'Up 512 B 512 B/s');
});

test('the QR code on the terminal is the one of the link, module for module', () => {
  const link = `https://host/${'0'.repeat(26)}#${'k'.repeat(43)}`;
  const { data } = encode(link, { ecc: 'M', border: 2 });
  const dark = { ' ': [true, true], '▄': [true, false], '▀': [false, true], '█': [false, false] } as Record<
    string,
    readonly [boolean, boolean]
  >;
  const lines = qrCode(link, false).trimEnd().split('\n');
  for (const [row, modules] of data.entries()) {
    const line = [...(lines[Math.floor(row / 2)] ?? '')];
    assert.deepEqual(
      line.map((character) => dark[character]?.[row % 2]),
      modules,
      `row ${row}`,
    );
  }
});

test('each desktop has its clipboard programs, none of which is given the link as an argument', () => {
  const names = (platform: string, env: Record<string, string>): string[] =>
    clipboardPrograms(platform, env).map(({ command }) => command);
  assert.deepEqual(names('darwin', {}), ['pbcopy']);
  assert.deepEqual(names('win32', {}), ['clip.exe']);
  assert.deepEqual(names('linux', { WAYLAND_DISPLAY: 'w', DISPLAY: ':0' }), ['wl-copy', 'xclip', 'xsel']);
  assert.deepEqual(names('linux', {}), []);
  assert.equal(osc52('link'), '\u001b]52;c;bGluaw==\u0007');
});

test('a spool gives back what it was given, small and large, whatever happens to the pieces later', async () => {
  for (const count of [0, 1, 10, 80]) {
    const spool = new Spool();
    const hash = createHash('sha256');
    for (let i = 0; i < count; i += 1) {
      const piece = randomBytes(65_536);
      hash.update(piece);
      await spool.append(piece);
      piece.fill(0);
    }
    const again = createHash('sha256');
    for await (const piece of spool.read()) again.update(piece);
    assert.equal(again.digest('hex'), hash.digest('hex'));
    await spool.close();
  }
});

async function* numbers(count: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i += 1) yield Uint8Array.of(i);
}

async function gather(pieces: AsyncIterable<Uint8Array>): Promise<number[]> {
  const all: number[] = [];
  for await (const piece of pieces) all.push(...piece);
  return all;
}

test('a body that was sent in part is sent again from its beginning, and then goes on', async () => {
  const body = new ReplayableBody(numbers(10), undefined);
  const first = body.pieces();
  for (let i = 0; i < 4; i += 1) await first.next();
  assert.deepEqual(await gather(body.pieces()), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(await gather(body.pieces()), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  await body.close();
});

test('a body that is too long to be kept is sent once, whole, and never in part', async () => {
  const body = new ReplayableBody(numbers(10), undefined, 5);
  assert.equal((await gather(body.pieces())).length, 10);
  await assert.rejects(gather(body.pieces()), /too long to be kept/);
  await body.close();
});

function answering(status: number, headers: Record<string, string> = {}): Answer {
  const body = (async function* () {})();
  return { status, header: (name) => headers[name], body, close: () => undefined };
}

function policy(waits: number[], maxWaitSeconds = 60): RetryPolicy {
  const sleep = async (ms: number): Promise<void> => {
    waits.push(ms);
  };
  return { enabled: true, maxWaitSeconds, now: () => 0, sleep, jitter: () => 0, say: () => undefined };
}

test('Retry-After is honoured in seconds and as a date', async () => {
  const waits: number[] = [];
  const answers = [
    answering(429, { 'retry-after': '7' }),
    answering(503, { 'retry-after': 'Thu, 01 Jan 1970 00:00:20 GMT' }),
    answering(201),
  ];
  const last = await retrying(policy(waits), async () => answers.shift() ?? answering(500));
  assert.equal(last.status, 201);
  assert.deepEqual(waits, [7000, 20_000]);
  assert.equal(retryAfterMs('soon', 0), undefined);
});

test('a wait that is longer than allowed is not begun', async () => {
  const waits: number[] = [];
  const last = await retrying(policy(waits, 10), async () => answering(429, { 'retry-after': '11' }));
  assert.deepEqual([last.status, waits], [429, []]);
});

test('attempts end', async () => {
  const waits: number[] = [];
  let attempts = 0;
  const last = await retrying(policy(waits, 1000), async () => {
    attempts += 1;
    return answering(503);
  });
  assert.deepEqual([last.status, attempts, waits], [503, 6, [500, 1000, 2000, 4000, 8000]]);
});

test('a server that is not there is final at first, and worth waiting for once it was', async () => {
  const gone = new Failure('network', 'no_connection', 'gone');
  const broken = new Failure('network', 'connection_broken', 'broken', true);
  const waits: number[] = [];
  await assert.rejects(
    retrying(policy(waits), () => Promise.reject(gone)),
    gone,
  );
  assert.deepEqual(waits, []);
  const outcomes = [broken, gone, answering(200)];
  const last = await retrying(policy(waits), async () => {
    const next = outcomes.shift();
    if (next instanceof Failure || next === undefined) throw next;
    return next;
  });
  assert.equal(last.status, 200);
});
