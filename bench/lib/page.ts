/** What benches came to, as a page of the docs and a picture. */
import { cpus, totalmem } from 'node:os';
import type { Result } from './ratio.ts';

/** What was measured, and on what. */
export interface Report {
  /** Such as `2026-11-22`. */
  readonly date: string;
  readonly machine: string;
  readonly results: readonly Result[];
}

const GIB = 1024 ** 3;

/** Processor, cores, memory, Node: what a reader needs to judge figures by. */
export function machine(): string {
  const cores = cpus();
  const gib = Math.round(totalmem() / GIB);
  return `${cores.length} cores (${cores[0]?.model.trim() ?? 'unknown'}), ${gib} GiB, ${process.platform}, Node ${process.versions.node}`;
}

const verdict = ({ ratio, goal, aim }: Result): string => {
  if (ratio < goal) return 'below';
  return aim !== undefined && ratio < aim ? 'goal' : 'reached';
};

const row = (result: Result): string => {
  const { name, against, ratio, goal, aim, ours, theirs, median, p99 } = result;
  const cells = [
    name,
    against,
    ratio.toFixed(2),
    String(goal),
    aim === undefined ? '' : String(aim),
    verdict(result),
    ours.toFixed(0),
    theirs.toFixed(0),
    median.toFixed(1),
    p99.toFixed(1),
  ];
  return `| ${cells.join(' | ')} |`;
};

/** A table in Markdown. */
export function table(results: readonly Result[]): string {
  return [
    '| what | of | ratio | goal | aim | | ours /s | theirs /s | median ms | p99 ms |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...results.map(row),
  ].join('\n');
}

const BAR = { height: 22, gap: 10, left: 330, width: 420 };

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** Each ratio as a bar, its goal as a line across. */
export function plot(results: readonly Result[]): string {
  const most = Math.max(1, ...results.map(({ ratio, goal, aim }) => Math.max(ratio, goal, aim ?? 0)));
  const x = (ratio: number) => BAR.left + (ratio / most) * BAR.width;
  const height = results.length * (BAR.height + BAR.gap) + BAR.gap;
  const bars = results.map((result, at) => {
    const y = BAR.gap + at * (BAR.height + BAR.gap);
    const mid = y + BAR.height * 0.7;
    const mark = x(result.goal).toFixed(1);
    return [
      `<text x="${BAR.left - 8}" y="${mid}" text-anchor="end">${escaped(result.name)}</text>`,
      `<rect x="${BAR.left}" y="${y}" width="${(x(result.ratio) - BAR.left).toFixed(1)}" height="${BAR.height}" fill="${result.ratio < result.goal ? '#b5482e' : '#2f7d5b'}"/>`,
      `<line x1="${mark}" x2="${mark}" y1="${y - 3}" y2="${y + BAR.height + 3}" stroke="#111" stroke-width="2"/>`,
      `<text x="${(x(result.ratio) + 6).toFixed(1)}" y="${mid}">${result.ratio.toFixed(2)}</text>`,
    ].join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${BAR.left + BAR.width + 70}" height="${height}" font-family="sans-serif" font-size="13">
<title>Each ratio as a bar, and its goal as a line across</title>
<rect width="100%" height="100%" fill="#fff"/>
${bars.join('\n')}
</svg>
`;
}

/** docs/performance.md. */
export function page({ date, machine: where, results }: Report): string {
  return `# How fast it is

Made by \`npm run bench\`; do not edit. Measured on ${date}: ${where}.

Each figure is a ratio: exchanges a second of Sallyport, of those of a bare server that moves the same bytes in the
same run, on the same machine, from the same client. Both are asked in turns; it is the median of five turns. Sallyport
runs as it is installed: the embedded database, every commit synced to disk before it is answered
(\`synchronous=FULL\`), only the rate limits off; the client keeps 16 connections. Client and server share the
machine's cores, and Sallyport's database has a thread of its own, so that a busy machine takes more from Sallyport
than from a bare server.

${table(results)}

\`goal\` is what a release must reach, \`aim\` what would be as good as a bare prototype of the same design.

![Ratios, and the goal of each](images/performance.svg)

## What is in a ratio

- A create is durable when it is answered. The bare server of the first rows forgets the body; the one that *appends*
  syncs one file for all that wait, and is the fair comparison for storage.
- A read passes the order of checks of every request: rate limit, route, headers. The adapter that turns a request of
  \`node:http\` into a \`Request\` is the largest single cost of a small one.
- An upload of a chunk is hashed, staged and made real in one transaction; the bytes go to the database's log and
  then to its file, so that each is written twice.
`;
}
