/**
 * Prints how well guesses can be told apart by how long their answers take: two kinds of request in random order,
 * 10,000 samples of each pair (or as many as are asked for), at handlers in this process, so that no network hides
 * anything. Argon2id is replaced by one SHA-256: 20 ms of it would drown whatever differs around it.
 *
 *     node bench/timing.ts [SAMPLES [NAME]]
 *
 * Columns: the medians in microseconds; Cohen's d (difference of the means in standard deviations, the slowest
 * hundredth of each left out); the share of pairs in which the first kind took longer (Mann-Whitney U over the number
 * of pairs: 0.5 says nothing) and its z score. A |z| above 3 is a difference that somebody with so many samples, on
 * this machine, would see. Nothing is asserted: these are figures.
 */
import { createHash, randomBytes } from 'node:crypto';
import { newIncident, newViewerToken, ownerIn } from '../test/support/evidence.ts';
import { type House, ORIGIN, openHouse } from '../test/support/house.ts';
import { codeOf, newcomer, type Person, sessionFor, settled } from '../test/support/people.ts';

const SAMPLES = Number(process.argv[2] ?? '10000');
/** Only the pairs of this name, where one is given. */
const ONLY = process.argv[3];
const WARM = 300;

type Make = () => Request | Promise<Request>;

interface Pair {
  readonly name: string;
  readonly kinds: readonly [string, string];
  readonly make: readonly [Make, Make];
  /** After each request, outside the measured time. */
  readonly tidy?: () => Promise<void>;
}

const text = (bytes: number) => randomBytes(bytes).toString('base64url');

async function sample(house: House, make: Make, tidy: Pair['tidy']): Promise<number> {
  const request = await make();
  const from = process.hrtime.bigint();
  const answer = await house.main(request, { address: '192.0.2.1' });
  await answer.arrayBuffer();
  const took = Number(process.hrtime.bigint() - from) / 1000;
  await tidy?.();
  return took;
}

const median = (sorted: readonly number[]) => sorted[Math.floor(sorted.length / 2)] ?? 0;

function cohen(a: readonly number[], b: readonly number[]): number {
  const of = (sorted: readonly number[]) => {
    const kept = sorted.slice(0, Math.floor(sorted.length * 0.99));
    const mean = kept.reduce((sum, x) => sum + x, 0) / kept.length;
    return { mean, variance: kept.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (kept.length - 1) };
  };
  const [one, two] = [of(a), of(b)];
  return (one.mean - two.mean) / Math.sqrt((one.variance + two.variance) / 2);
}

/** Mann-Whitney over sorted samples: the share of pairs in which `a` is the larger, ties as half, and its z score. */
function mannWhitney(a: readonly number[], b: readonly number[]): { share: number; z: number } {
  let [below, upTo, u] = [0, 0, 0];
  for (const x of a) {
    while (below < b.length && (b[below] ?? 0) < x) below += 1;
    while (upTo < b.length && (b[upTo] ?? 0) <= x) upTo += 1;
    u += below + (upTo - below) / 2;
  }
  const pairs = a.length * b.length;
  const deviation = Math.sqrt((pairs * (a.length + b.length + 1)) / 12);
  return { share: u / pairs, z: (u - pairs / 2) / deviation };
}

async function run(house: House, { name, kinds, make, tidy }: Pair): Promise<void> {
  const times: [number[], number[]] = [[], []];
  for (let i = 0; i < WARM + SAMPLES; i += 1) {
    const which = (randomBytes(1)[0] ?? 0) & 1 ? 1 : 0;
    const took = await sample(house, make[which], tidy);
    if (i >= WARM) times[which].push(took);
  }
  const [a, b] = times.map((list) => list.sort((x, y) => x - y)) as [number[], number[]];
  const { share, z } = mannWhitney(a, b);
  const cells = [
    name.padEnd(16),
    kinds.join(' / ').padEnd(44),
    median(a).toFixed(1).padStart(8),
    median(b).toFixed(1).padStart(8),
    cohen(a, b).toFixed(3).padStart(8),
    share.toFixed(3).padStart(7),
    z.toFixed(1).padStart(7),
  ];
  console.log(cells.join(' '));
}

const get = (path: string, headers: Readonly<Record<string, string>> = {}): Request =>
  new Request(`${ORIGIN}${path}`, { headers });
const ask = (path: string, body: string, headers: Readonly<Record<string, string>> = {}): Request =>
  new Request(`${ORIGIN}${path}`, { method: 'POST', body, headers });

/** The same with another first or last character. */
const spoilt = (right: string, where: 'first' | 'last') => {
  const at = where === 'first' ? 0 : right.length - 1;
  return right.slice(0, at) + (right[at] === '0' ? '1' : '0') + right.slice(at + 1);
};

async function newPaste(house: House, headers: Readonly<Record<string, string>> = {}) {
  const made = await house.main(ask('/', text(20), { ...headers, 'content-type': 'text/plain' }));
  return (await made.json()) as { id: string; delete_token: string };
}

async function pairsOf(house: House): Promise<Pair[]> {
  const forgetting = (sql: string) => async () => {
    await house.db.batch([{ sql }], 'write');
  };
  const { as } = await ownerIn(house);
  const { token } = await newViewerToken(house, as, await newIncident(house, as));
  const open = await newPaste(house);
  const password = 'the right password';
  const shut = await newPaste(house, { 'x-paste-password': password });
  await newcomer(house, 'somebody');
  const person: Person = await settled(house, 'with-totp');
  const bearer = { authorization: `Bearer ${await sessionFor(house, person, 'bearer')}` };
  const manage = (given: string) =>
    new Request(`${ORIGIN}/${open.id}`, { method: 'DELETE', headers: { 'x-delete-token': given } });
  const show = (given: string) => get(`/${shut.id}`, { 'x-paste-password': given });
  const login = (username: string, given: string) =>
    ask('/v1/auth/login', JSON.stringify({ username, password: given }));
  const code = (change: number) => () => {
    const right = codeOf(house, person.seed ?? '');
    const at = change === 0 ? 0 : 5;
    const digit = (Number(right[at]) + 5) % 10;
    return ask(
      '/v1/account/second-factor/totp/verify',
      JSON.stringify({ code: `${right.slice(0, at)}${digit}${right.slice(at + 1)}` }),
      bearer,
    );
  };
  const noGuesses = forgetting('DELETE FROM paste_guesses');
  return [
    {
      name: 'viewer token',
      kinds: ['right', 'wrong'],
      make: [() => get(`/i/${token}/data`), () => get(`/i/${text(32)}/data`)],
    },
    {
      name: 'viewer token',
      kinds: ['first character wrong', 'last character wrong'],
      make: [() => get(`/i/${spoilt(token, 'first')}/data`), () => get(`/i/${spoilt(token, 'last')}/data`)],
    },
    {
      name: 'paste id',
      kinds: ['right', 'wrong'],
      make: [() => get(`/${open.id}`), () => get(`/${spoilt(open.id, 'last')}`)],
    },
    {
      name: 'paste id',
      kinds: ['first character wrong', 'last character wrong'],
      make: [() => get(`/${spoilt(open.id, 'first')}`), () => get(`/${spoilt(open.id, 'last')}`)],
    },
    {
      name: 'paste password',
      kinds: ['first character wrong', 'last character wrong'],
      make: [() => show(spoilt(password, 'first')), () => show(spoilt(password, 'last'))],
      tidy: noGuesses,
    },
    {
      name: 'delete token',
      kinds: ['first character wrong', 'last character wrong'],
      make: [
        () => manage(spoilt(open.delete_token, 'first')),
        () => manage(spoilt(open.delete_token, 'last')),
      ],
    },
    {
      name: 'login',
      kinds: ['nobody has the name', 'wrong password'],
      make: [() => login('nobody00', text(12)), () => login('somebody', text(12))],
      // The next failure is the third: of a name that nobody has, the audit does not keep that one.
      tidy: forgetting('UPDATE login_failures SET failures = 2'),
    },
    {
      name: 'TOTP code',
      kinds: ['first digit wrong', 'last digit wrong'],
      make: [code(0), code(1)],
      tidy: async () => {
        const sqls = ['DELETE FROM wrong_codes', 'UPDATE sessions SET wrong_codes = 0'];
        await house.db.batch(
          sqls.map((sql) => ({ sql })),
          'write',
        );
      },
    },
  ];
}

/** At a house of its own: everywhere else work would be asked for too. */
async function workPair(house: House): Promise<Pair> {
  // The peer is part of what is signed.
  const asked = await house.main(get('/challenge'), { address: '192.0.2.1' });
  const { token } = (await asked.json()) as { token: string };
  const work = (given: string) =>
    ask('/', 'x', { 'content-type': 'text/plain', 'x-pow-token': given, 'x-pow-solution': 'a' });
  return {
    name: 'proof of work',
    kinds: ['tag wrong at its first byte', 'at its last'],
    make: [
      // The tag begins at byte 20, in the middle of the 27th character.
      () => work(`${token.slice(0, 27)}${spoilt(token.slice(27), 'first')}`),
      () => work(spoilt(token, 'last')),
    ],
  };
}

const house = await openHouse({
  env: { SAFE_PASTE_DEDUP_MAX: '0' },
  ports: {
    hasher: {
      async argon2id(password, salt, { length }) {
        const hash = createHash('sha256').update(salt).update(password).digest();
        return new Uint8Array(hash.subarray(0, length));
      },
    },
  },
});
const working = await openHouse({ env: { SAFE_PASTE_POW_DIFFICULTY: '8' } });
try {
  const heads = ['what'.padEnd(16), 'first / second'.padEnd(44), '    us 1', '    us 2', '       d'];
  console.log([...heads, '  share', '      z'].join(' '));
  const wanted = ({ name }: Pair) => ONLY === undefined || name === ONLY;
  for (const pair of (await pairsOf(house)).filter(wanted)) await run(house, pair);
  for (const pair of [await workPair(working)].filter(wanted)) await run(working, pair);
} finally {
  await house.close();
  await working.close();
}
