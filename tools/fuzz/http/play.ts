/** Plays sequences of steps on a ground, and holds every answer against what answers must be. */
import { COOKIE } from '../../../test/support/ask.ts';
import { BOOTSTRAP_SECRET } from '../../../test/support/house.ts';
import { PASSWORD } from '../../../test/support/people.ts';
import { chanceOf } from '../chance.ts';
import { Broken, must } from '../target.ts';
import { build, type Draft } from './build.ts';
import type { Asking, Ground, Person } from './ground.ts';
import { judge, type Seen } from './judge.ts';
import { bodyBytes, mutate } from './mutations.ts';
import { type Operation, operation } from './operations.ts';
import type { Pool } from './pool.ts';
import { preludeOf } from './prelude.ts';
import type { Step } from './steps.ts';
import { PASTE_PASSWORD } from './values.ts';

/** An answer that takes so long will not come. */
const PATIENCE_MS = 60_000;
/** Where none of the requests under way is answered for so long, one may wait for the clock of the ground. */
const IDLE_MS = 100;
const DASHBOARD = 'sallyport_admin_session';
/** Numbers of `WHO`. */
const ADMIN = 2;
const NEWCOMER = 3;
const BACK = 5;
const ADMIN_BACK = 6;

/** Adds whose request it is: a token, or a cookie with what proves that its own page sent it. */
function identify(
  draft: Draft,
  one: Operation,
  person: Person | undefined,
  adminOrigin: string,
  salt: number,
): void {
  const isPage = one.door === 'admin' && !one.path.startsWith('/admin/api') && one.path !== '/metrics';
  if (isPage) {
    if (one.method === 'POST') draft.headers.push(['origin', adminOrigin], ['sec-fetch-site', 'same-origin']);
    if (person?.dashboard === undefined) return;
    draft.headers.push(['cookie', `${DASHBOARD}=${person.dashboard.cookie}`]);
    if (one.method !== 'POST') return;
    if (one.fields.includes('csrf_token')) draft.fields?.unshift(['csrf_token', person.dashboard.csrf]);
    return;
  }
  if (person === undefined) return;
  if (person.web === undefined || salt % 5 !== 0) {
    draft.headers.push(['authorization', `Bearer ${person.bearer}`]);
    return;
  }
  draft.headers.push(['cookie', `${COOKIE}=${person.web.cookie}`], ['x-csrf-token', person.web.csrf]);
}

function secretsOf(ground: Ground): string[] {
  const own = ground.people.flatMap((person) =>
    person === undefined
      ? []
      : [person.bearer, person.web?.cookie, person.dashboard?.cookie, person.web?.csrf],
  );
  const mailed = ['mailed code', 'registration'].flatMap((kind) => ground.pool.all(kind));
  return [...own, ...mailed, PASSWORD, PASTE_PASSWORD, BOOTSTRAP_SECRET].filter((one) => one !== undefined);
}

/** What was asked, for which operation. */
interface Asked {
  readonly asking: Asking;
  readonly one: Operation;
  readonly who: number;
  /** All of what an upload in pieces was begun for. */
  readonly whole?: Uint8Array<ArrayBuffer>;
}

/** How far an upload in pieces has come. */
function learnUpload(pool: Pool, { one, whole }: Asked, path: string, headers: Headers): void {
  const offset = headers.get('upload-offset');
  const id = /uop_[0-9A-Z]{26}/.exec(headers.get('location') ?? path)?.[0];
  if (offset === null || id === undefined) return;
  const begun = whole === undefined ? pool.upload(id) : { whole, tus: one.id === 'uploads.create' };
  if (begun !== undefined) pool.keepUpload(id, { ...begun, offset: Number(offset) });
}

/** What of a path was not found, by the refusal's code. */
function goneOf(path: string, body: Uint8Array): string | undefined {
  const code = /"code":"(\w+)"/.exec(new TextDecoder().decode(body))?.[1] ?? '';
  if (code === 'incident_not_found') return /inc_[0-9A-Z]{26}/.exec(path)?.[0];
  if (code === 'stream_not_found') return /str_[0-9A-Z]{26}/.exec(path)?.[0];
  if (code === 'chunk_not_found' || /dependency/.test(code) || !code.includes('_')) return undefined;
  return path.split('/').findLast((segment) => segment.length > 24);
}

/** What stands in a person's letters: a code on a line of its own, or a link that opens an account. */
function learnMail({ pool, mailed }: Pick<Ground, 'pool' | 'mailed'>, who: number): void {
  for (const text of mailed()) {
    const link = /#token=(\S+)/.exec(text)?.[1];
    const code = /^[A-Za-z0-9_-]{20,}$/m.exec(text)?.[0];
    if (link !== undefined) pool.add({ kind: 'registration', value: decodeURIComponent(link), who });
    else if (code !== undefined) pool.add({ kind: 'mailed code', value: code, who });
  }
}

/** The secret of an authenticator app, as a page of the dashboard shows it. */
const SHOWN_SECRET = /id="totp-secret">([A-Z2-7]{16,})</;

/** Keeps what an answer brought. */
function learn(
  ground: Ground,
  step: Step,
  asked: Asked,
  path: string,
  { status, headers, body }: Seen,
): void {
  const { pool } = ground;
  const { one, who } = asked;
  learnMail({ pool, mailed: () => ground.mailed() }, who);
  if (status === 404 && step.wrong.length === 0) {
    const gone = goneOf(path, body);
    if (gone !== undefined) pool.forget(gone, who);
  }
  if (status >= 400) return;
  learnUpload(pool, asked, path, headers);
  const location = headers.get('location');
  const incident = /inc_[0-9A-Z]{26}/.exec(path)?.[0];
  if (location !== null) pool.read(location, who, incident);
  const etag = headers.get('etag');
  if (etag !== null) pool.add({ kind: 'etag', value: etag, who });
  const type = headers.get('content-type') ?? '';
  if (!/^(application\/json|text\/html)/.test(type)) return;
  const text = new TextDecoder().decode(body);
  if (type === 'application/json') {
    const json = JSON.parse(text === '' ? '{}' : text) as Record<string, unknown>;
    if (one.id === 'pastes.create') {
      pool.add({ kind: 'paste', value: String(json.id), who });
      pool.add({ kind: 'delete_token', value: String(json.delete_token), who, of: String(json.id) });
    }
    if (one.id === 'viewer-tokens.create') pool.add({ kind: 'viewer', value: String(json.token), who });
    if (typeof json.stream_id === 'string' && typeof json.chunk_index === 'number' && status === 201)
      pool.keepChunk(json.stream_id, json.chunk_index);
    const challenge = /^passkeys\.(\w+)-start$/.exec(one.id)?.[1];
    if (challenge !== undefined) pool.add({ kind: `passkey ${challenge}`, value: challengeIn(json), who });
    pool.readJson(json, who, incident);
  }
  const secret = SHOWN_SECRET.exec(text)?.[1];
  if (secret !== undefined) pool.add({ kind: 'seed', value: secret, who });
  pool.read(text, who, incident);
}

/** The challenge of a ceremony that has begun. */
function challengeIn(json: Record<string, unknown>): string {
  const options = json.credential_creation ?? json.credential_assertion;
  return /"challenge":"([\w-]+)"/.exec(JSON.stringify(options))?.[1] ?? '';
}

async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Broken(`${what} was not answered`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** How often each operation was asked, and how often it did what it is for. */
export class Tally {
  readonly #asked = new Map<string, { asked: number; done: number }>();
  readonly #statuses = new Map<number, number>();

  add(operation: string, status: number): void {
    const one = this.#asked.get(operation) ?? { asked: 0, done: 0 };
    one.asked += 1;
    if (status < 400) one.done += 1;
    this.#asked.set(operation, one);
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
  }

  /** Operations that never did it. */
  get refused(): readonly string[] {
    return [...this.#asked].filter(([, one]) => one.done === 0).map(([name]) => name);
  }

  notes(): string[] {
    const statuses = [...this.#statuses]
      .sort(([a], [b]) => a - b)
      .map(([status, count]) => `${status}: ${count}`);
    const done = [...this.#asked].filter(([, one]) => one.done > 0);
    const never = this.refused.toSorted();
    const bare = never.length === 0 ? '' : `; never ${never.join(', ')}`;
    return [
      `answers: ${statuses.join(', ')}`,
      `operations that succeeded: ${done.length} of ${this.#asked.size}${bare}`,
    ];
  }
}

/** Who asks: whoever comes to the private door is its admin, mostly, and factors are shown by whoever has to. */
function asker(ground: Ground, { who, salt }: Step, { door, id }: Operation): number {
  const back = (number: number) => (ground.people[number] === undefined ? ADMIN : number);
  if (/^dashboard\.(totp|email)/.test(id) && salt % 4 !== 0) return back(ADMIN_BACK);
  if (door === 'admin' && salt % 8 !== 0) return ADMIN;
  if (/^(factors|passkeys)\./.test(id) && salt % 2 === 0) return salt % 4 === 0 ? NEWCOMER : BACK;
  return who;
}

/** What a step sends. */
export async function askingOf(ground: Ground, step: Step): Promise<Asked> {
  const one = operation(step.does);
  const chance = chanceOf(step.salt);
  const who = asker(ground, step, one);
  const person = ground.people[who];
  const draft = await build({ chance, pool: ground.pool, who, account: person }, one);
  identify(draft, one, person, ground.adminOrigin, step.salt);
  for (const mutation of step.wrong) mutate(draft, mutation, ground.pool);
  const query = draft.query.length === 0 ? '' : `?${new URLSearchParams(draft.query)}`;
  const body = bodyBytes(draft);
  const { method, path, headers, whole } = draft;
  const asking = { door: one.door, method, target: path + query, headers, ...(body && { body }) };
  return { asking, one, who, ...(whole && { whole }) };
}

/** Takes one step. @returns whether a request was sent. @throws Broken */
async function take(ground: Ground, step: Step, tally: Tally): Promise<boolean> {
  if (!step.does.includes(' ')) {
    await ground.happen(step.does, step.salt);
    return false;
  }
  const asked = await askingOf(ground, step);
  const { asking } = asked;
  const answer = await inTime(ground.ask(asking), `${asking.method} ${asking.target}`);
  if (answer === undefined) return false;
  const { path, seen, wire = false } = answer;
  const sent = { door: asking.door, method: asking.method.toUpperCase(), path, documented: !wire };
  judge(sent, seen, secretsOf(ground));
  learn(ground, step, asked, path, seen);
  tally.add(step.does, seen.status);
  return true;
}

/** Takes steps that are under way together. @returns how many requests were sent. @throws Broken */
async function takeTogether(ground: Ground, group: readonly Step[], tally: Tally): Promise<number> {
  let ended = 0;
  let before = 0;
  const waiting = setInterval(() => {
    if (ended === before) ground.idle?.();
    before = ended;
  }, IDLE_MS);
  const taken = group.map((step) => take(ground, step, tally).finally(() => (ended += 1)));
  try {
    const ends = await Promise.allSettled(taken);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    return ends.filter((end) => end.status === 'fulfilled' && end.value).length;
  } finally {
    clearInterval(waiting);
  }
}

/**
 * Takes steps, those that are under way together at once.
 * @returns how many requests were sent. @throws Broken at the first that breaks a rule
 */
export async function play(ground: Ground, steps: readonly Step[], tally = new Tally()): Promise<number> {
  const rejections: unknown[] = [];
  const unhandled = (reason: unknown) => rejections.push(reason);
  process.on('unhandledRejection', unhandled);
  let sent = 0;
  try {
    const begun = preludeOf(await ground.refresh());
    for (const step of begun) await takeTogether(ground, [step], new Tally());
    for (let at = 0; at < steps.length; ) {
      const group: Step[] = [];
      for (let step = steps[at]; step !== undefined; step = steps[at]) {
        at += 1;
        group.push(step);
        if (!step.beside) break;
      }
      sent += await takeTogether(ground, group, tally);
    }
    ground.checkLog(secretsOf(ground));
    must(rejections.length === 0, () => `a rejection was handled by nobody: ${String(rejections[0])}`);
    return sent;
  } catch (error) {
    // What was said of this must not be held against the sequence after it.
    try {
      ground.checkLog([]);
    } catch {
      // It is what was thrown already.
    }
    throw error;
  } finally {
    process.off('unhandledRejection', unhandled);
  }
}
