/** Asks everything of the plan, a few at a time, and puts together what was found. */
import { randomBytes } from 'node:crypto';
import type { Answer, Client, Silence } from './client.ts';
import { type Finding, type Judged, judge } from './judge.ts';
import type { Probe } from './plan.ts';

export interface Row extends Pick<Probe, 'door' | 'id' | 'method' | 'path' | 'expected'>, Judged {}

export interface SurveyOptions {
  readonly connections: number;
  readonly secure: boolean;
  readonly strict: boolean;
  readonly hstsSeconds: number;
  /** Waits; in milliseconds. */
  readonly pause: (ms: number) => Promise<void>;
}

/** Names an origin that is nobody's (RFC 2606), to see whether its pages would be let in. */
const STRANGER = 'https://exposure.invalid';
/** A server that counts requests says when to come back; that is waited for once, and never longer. */
const MOST_PATIENCE_MS = 61_000;

/** A request id that nobody else sends: answers of the server repeat it. */
export const freshId = (): string => `exposure-${randomBytes(12).toString('hex')}`;

function patienceOf(answer: Answer | Silence): number | undefined {
  if ('silence' in answer || answer.status !== 429) return undefined;
  const seconds = Number(answer.headers['retry-after'] ?? '1');
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0) * 1000, MOST_PATIENCE_MS) : 1000;
}

/** One row for every probe, in the order of the plan. */
export async function survey(
  client: Client,
  plan: readonly Probe[],
  { connections, pause, ...options }: SurveyOptions,
): Promise<readonly Row[]> {
  const rows = new Map<Probe, Row>();
  const waiting = [...plan];
  const one = async (probe: Probe) => {
    let requestId = freshId();
    const ask = () => client.ask(probe.method, probe.target, { 'x-request-id': requestId, origin: STRANGER });
    let answer = await ask();
    const patience = patienceOf(answer);
    if (patience !== undefined) {
      await pause(patience);
      requestId = freshId();
      answer = await ask();
    }
    const { door, id, method, path, expected } = probe;
    const judged = judge(probe, answer, { ...options, requestId, origin: STRANGER });
    rows.set(probe, { door, id, method, path, expected, ...judged });
  };
  const worker = async () => {
    for (let probe = waiting.shift(); probe !== undefined; probe = waiting.shift()) await one(probe);
  };
  await Promise.all(Array.from({ length: connections }, worker));
  return plan.flatMap((probe) => rows.get(probe) ?? []);
}

/** Findings that are the same everywhere, once, with how often: a missing header is one mistake. */
export function summary(rows: readonly Row[]): readonly (Finding & { readonly routes: number })[] {
  const found = new Map<string, Finding & { routes: number }>();
  for (const { findings } of rows) {
    for (const finding of findings) {
      const key = `${finding.kind} ${finding.detail}`;
      const before = found.get(key);
      if (before === undefined) found.set(key, { ...finding, routes: 1 });
      else before.routes += 1;
    }
  }
  return [...found.values()];
}
