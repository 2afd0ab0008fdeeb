/** What benches came to, as a page of the docs. */
import { cpus, totalmem } from 'node:os';
import { isFigure, isPeer, type Outcome, reached, short } from './results.ts';

/** What was measured, and on what. */
export interface Report {
  /** Such as `2026-11-22`. */
  readonly date: string;
  readonly machine: string;
  readonly results: readonly Outcome[];
  /** Minutes that all of it took; undefined where only a part was measured. */
  readonly minutes?: number;
}

const GIB = 1024 ** 3;

/** Processor, cores, memory, Node: what a reader needs to judge figures by. */
export function machine(): string {
  const cores = cpus();
  const gib = Math.round(totalmem() / GIB);
  return `${cores.length} cores (${cores[0]?.model.trim() ?? 'unknown'}), ${gib} GiB, ${process.platform}, Node ${process.versions.node}`;
}

const verdict = (outcome: Outcome): string => {
  const isReached = reached(outcome);
  if (isReached === undefined) return '';
  if (isFigure(outcome)) return isReached ? 'reached' : 'above';
  if (!isReached) return 'below';
  return outcome.aim !== undefined && outcome.ratio < outcome.aim ? 'goal' : 'reached';
};

const fixed = (value: number | undefined, digits: number): string => value?.toFixed(digits) ?? '';

function row(outcome: Outcome): string {
  const { name, against, median, p99 } = outcome;
  const cells = isFigure(outcome)
    ? [`${short(outcome.value)} ${outcome.unit}`.trim(), `≤ ${outcome.atMost}`, '', verdict(outcome), '', '']
    : [
        outcome.ratio.toFixed(2),
        outcome.goal === undefined ? '' : `≥ ${outcome.goal}`,
        outcome.aim === undefined ? '' : String(outcome.aim),
        verdict(outcome),
        outcome.ours.toFixed(0),
        outcome.theirs.toFixed(0),
      ];
  return `| ${[name, against, ...cells, fixed(median, 1), fixed(p99, 1)].join(' | ')} |`;
}

/** A table in Markdown. */
export function table(outcomes: readonly Outcome[]): string {
  return [
    '| what | of | ratio, or figure | goal | aim | | ours /s | theirs /s | median ms | p99 ms |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...outcomes.map(row),
  ].join('\n');
}

/** What the page says of the peers that were asked, if any were. */
const aboutPeers = (results: readonly Outcome[]): string =>
  results.some(isPeer)
    ? `
## Beside others

Rows without a goal, but for those of the embedded driver, are of another server of the kind, on the same machine,
asked in turns through its own API with as many bytes of ciphertext (\`bench/peers.ts\`). None of them syncs what it
has answered for; Sallyport does.

![What peers do a second, as a part of what Sallyport does](images/performance-peers.svg)
`
    : '';

/** docs/performance.md. */
export function page({ date, machine: where, results, minutes }: Report): string {
  return `# How fast it is

Made by \`npm run bench\`; do not edit. Measured on ${date}: ${where}.${minutes === undefined ? '' : ` All of it took ${minutes} minutes.`}

A ratio is exchanges a second of Sallyport, of those of what stands beside it, in the same run, on the same machine,
from the same client. Both are asked in turns; it is the median of five turns, after others that do not count (six for
pastes, in which both servers compile what they do often). Sallyport runs as it is installed: the embedded database,
every commit synced to disk before it is answered (\`synchronous=FULL\`), only its limits off: how often one peer may
ask, and how often the same bytes may be created (two rows show what counting these costs); the client keeps 16
connections. Client and server share the machine's cores, and Sallyport's database has threads of its own, so that a
busy machine takes more from Sallyport than from a bare server. A figure with a bound (≤) is of one server by itself.

${table(results)}

\`goal\` is what a release must reach, \`aim\` what would be as good as a bare prototype of the same design.

![Ratios, and the goal of each](images/performance.svg)

![Figures, and the bound of each](images/performance-bounds.svg)

## What is in a ratio

- A create is durable when it is answered. The bare server of the first rows forgets the body; the one that *appends*
  syncs one file for all that wait, and is the fair comparison for storage.
- *The embedded driver behind bare \`node:http\`* puts the same bytes into a table of two columns without an index, and
  does nothing else: no id, no token, no totals, no expiry, no log. What its rows come to is the most that a server on
  this database can reach on the machine, whatever is left out of it.
- A small create spends its time, about equally, in the database's thread (one insert and its indexes, a share of the
  commit) and in the thread that answers. There the largest costs are the two system calls on the socket, the message
  to the database's thread, and what is hashed; all that wait share one commit, so that creates cost less the more of
  them there are. The database's thread is woken for the first few requests of a turn of the event loop and not at its
  end: with sixteen connections both would stand still for one another by turns.
- Bytes are hashed where equal contents are counted, as they are unless that limit is taken off, and where a create
  has an \`Idempotency-Key\`. Of what the answering thread does for a create of 100 KiB that is a fifth.
- A read passes the order of checks of every request: rate limit, route, headers. What is left of its cost is the
  socket and finding the row. The answering thread finds it by itself where it is asked for one at a time, which takes
  a lone reader half of what a message to another thread and back does; with sixteen connections most go to the
  reader's thread on Node, since both work at once then (\`src/store/native/point-reads.ts\`).
- \`@whatwg-node/server\`, which turns a request of \`node:http\` into a \`Request\`, costs 2 µs a request. With its own
  \`Request\` a body of one byte cost 6 to 17 µs before anybody read it, and the runtime's \`Response\` copied every
  answer: Sallyport's are made of what handlers ask for (\`runtime/socket-request.ts\`, \`runtime/plain-response.ts\`).
- Bodies that arrive together are taken in one large piece a turn of the event loop (\`runtime/body-turns.ts\`): many
  uploads at once take turns with everybody else, which costs a create of 100 KiB some percent of its thread's time.
- An upload of a chunk is hashed, staged and made real in one transaction; the bytes go to the database's log and
  then to its file, so that each is written, and synced, twice. The database's thread sets the pace: of its 48 ms for
  8 MiB, committing takes 19 and moving the log into the file 20, half of both waiting for the disk. SHA-256 and
  CRC-32 take 10 ms beside it, in the thread that answers. Larger pages would bring uploads nearer to their goal and
  take small creates further from theirs; docs/decisions.md has the figures.
- On Bun the doors stand on its \`node:http\`, which promises what \`Bun.serve\` does not (\`runtime/bun-listener.ts\`). By
  itself that costs little: 16 µs of processor for an answer of 1 KiB in place of 14, and the adapter is left out.
  What Sallyport does with a request costs as much as on Node; the ratios are lower because what it is compared with,
  a bare \`Bun.serve\`, costs half of a bare \`node:http\` on Node.
- *An empty store* is another Sallyport beside the full one, with no more in it than the answers that are compared
  need: one page of a list, as many chunks. What is read in the full one is spread over all of it.
- Under *mixed load* sixteen connections read, create, log in, upload chunks of 1 MiB and download a bundle of 64 MiB
  at once. The event loop is watched from inside the server (\`bench/lib/probe.ts\`): a turn is the time between two
  ticks of a timer of 5 ms, less those, and what the operating system gives to others meanwhile counts as well.
- A *start* is from the start of the process to the first answer, with a database that exists. \`from source\` is
  what \`npm start\` does: Node keeps what it has compiled in \`node_modules/.cache\`. Whoever calls Node directly
  names a folder in \`NODE_COMPILE_CACHE\`, one that only those may write to who may change the program.
${aboutPeers(results)}`;
}
