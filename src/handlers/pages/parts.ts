/** The parts that pages are put together from: times, sizes, tables, lists of pairs. */
import { type Child, type Html, html } from './html.ts';

/** A moment (ms since the epoch), to the minute for people and exactly for machines. */
export function moment(ms: number): Html {
  const iso = new Date(ms).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`;
}

/** A moment to the second, where what came first matters. */
export function second(ms: number): Html {
  const iso = new Date(ms).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`;
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** A number of bytes in the largest binary unit that leaves at least one. */
export function bytes(count: number): string {
  let size = count;
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  if (unit === 0) return `${count} ${count === 1 ? 'byte' : 'bytes'}`;
  return `${size < 10 ? size.toFixed(1).replace(/\.0$/, '') : Math.round(size)} ${UNITS[unit]}`;
}

const SPANS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** A duration in whole units of the largest that fits. */
export function duration(ms: number): string {
  for (const [name, size] of SPANS) {
    if (ms >= size) return counted(Math.floor(ms / size), name);
  }
  return 'less than a second';
}

/** `1 session`, `2 sessions`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/** Names and values side by side. */
export function pairs(rows: readonly (readonly [name: string, value: Child])[], kind = 'pairs'): Html {
  return html`<dl class="${kind}">${rows.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl>`;
}

export interface TableView {
  readonly caption: string;
  readonly columns: readonly string[];
  /** As many cells as there are columns; the first one names its row. */
  readonly rows: readonly (readonly Child[])[];
  /** What stands in place of an empty table. */
  readonly empty: string;
}

/**
 * A table that narrow screens show as cards, each cell with its column's name before it. The roles are written out,
 * since browsers drop a table's meaning when its display changes.
 */
export function table({ caption, columns, rows, empty }: TableView): Html {
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`;
  const body = rows.map(
    ([head, ...cells]) =>
      html`<tr role="row"><th role="rowheader" scope="row">${head}</th>${cells.map(
        (cell, at) => html`<td role="cell" data-label="${columns[at + 1]}">${cell}</td>`,
      )}</tr>`,
  );
  return html`<table role="table"><caption>${caption}</caption>
<thead role="rowgroup"><tr role="row">${columns.map(
    (column) => html`<th role="columnheader" scope="col">${column}</th>`,
  )}</tr></thead>
<tbody role="rowgroup">${body}</tbody></table>`;
}

/** A short state in a frame, told apart by its words and only then by its colour. */
export function badge(text: string, tone: 'good' | 'plain' | 'bad' = 'plain'): Html {
  return html`<span class="badge ${tone}">${text}</span>`;
}
