/** What benches came to, as pictures: bars, each with its goal as a line across. */
import { type Figure, isFigure, isPeer, type Outcome, reached, short } from './results.ts';

const BAR = { height: 22, gap: 10, left: 360, width: 420 };

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** A bar of the picture: how long it is, and where its goal stands. */
interface Bar {
  readonly name: string;
  readonly length: number;
  readonly goal: number | undefined;
  readonly said: string;
  readonly good: boolean;
}

function drawn(title: string, bars: readonly Bar[]): string {
  const most = Math.max(1, ...bars.map(({ length, goal }) => Math.max(length, goal ?? 0)));
  const x = (length: number) => BAR.left + (length / most) * BAR.width;
  const height = bars.length * (BAR.height + BAR.gap) + BAR.gap;
  const lines = bars.map(({ name, length, goal, said, good }, at) => {
    const y = BAR.gap + at * (BAR.height + BAR.gap);
    const mid = y + BAR.height * 0.7;
    const mark = goal === undefined ? undefined : x(goal).toFixed(1);
    return [
      `<text x="${BAR.left - 8}" y="${mid}" text-anchor="end">${escaped(name)}</text>`,
      `<rect x="${BAR.left}" y="${y}" width="${(x(length) - BAR.left).toFixed(1)}" height="${BAR.height}" fill="${good ? '#2f7d5b' : '#b5482e'}"/>`,
      ...(mark === undefined
        ? []
        : [
            `<line x1="${mark}" x2="${mark}" y1="${y - 3}" y2="${y + BAR.height + 3}" stroke="#111" stroke-width="2"/>`,
          ]),
      `<text x="${(x(length) + 6).toFixed(1)}" y="${mid}">${escaped(said)}</text>`,
    ].join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${BAR.left + BAR.width + 90}" height="${height}" font-family="sans-serif" font-size="13">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" fill="#fff"/>
${lines.join('\n')}
</svg>
`;
}

/** Each ratio as a bar, its goal as a line across. Peers are not among them: their ratios would dwarf the others. */
export function plot(outcomes: readonly Outcome[]): string {
  const bars = outcomes.flatMap((outcome): Bar[] =>
    isFigure(outcome) || outcome.goal === undefined
      ? []
      : [
          {
            name: outcome.name,
            length: outcome.ratio,
            goal: outcome.goal,
            said: outcome.ratio.toFixed(2),
            good: reached(outcome) === true,
          },
        ],
  );
  return drawn('Each ratio as a bar, and its goal as a line across', bars);
}

/** Bars of what exceeds its bound by more than this are cut off, and say so by their number alone. */
const LONGEST = 3;

/** Of a bound of 0, anything else is too much. */
const partOf = ({ value, atMost }: Figure): number =>
  value === 0 ? 0 : Math.min(LONGEST, value / Math.max(atMost, Number.MIN_VALUE));

/** Each figure as a part of its bound, which is the line across. */
export function plotBounds(outcomes: readonly Outcome[]): string {
  const bars = outcomes.filter(isFigure).map(
    (figure): Bar => ({
      name: figure.name,
      length: partOf(figure),
      goal: 1,
      said: `${short(figure.value)} ${figure.unit}`.trim(),
      good: reached(figure) === true,
    }),
  );
  return drawn('Each figure as a part of its bound, and the bound as a line across', bars);
}

/** What other servers of the kind do, as a part of ours. */
export function plotPeers(outcomes: readonly Outcome[]): string {
  const bars = outcomes.flatMap((outcome): Bar[] =>
    isPeer(outcome)
      ? [
          {
            name: `${outcome.name}, ${outcome.against}`,
            length: outcome.theirs / outcome.ours,
            goal: 1,
            said: `${outcome.theirs.toFixed(0)}/s of ${outcome.ours.toFixed(0)}/s`,
            good: outcome.theirs <= outcome.ours,
          },
        ]
      : [],
  );
  return drawn('What peers do a second, as a part of what Sallyport does, which is the line across', bars);
}
