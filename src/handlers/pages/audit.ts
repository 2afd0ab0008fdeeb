/** The page of the audit: who did what to which id, and how it ended. */
import type { AuditEntry } from '../../store/audit.ts';
import { type Child, type Html, html } from './html.ts';
import { page, type Viewer } from './layout.ts';
import { badge, second, table } from './parts.ts';

export interface AuditView {
  readonly viewer: Viewer;
  readonly entries: readonly AuditEntry[];
  /** Of the page after this one. */
  readonly cursor: string | undefined;
  readonly first: boolean;
}

export function auditPage({ viewer, entries, cursor, first }: AuditView): string {
  const paging =
    (!first || cursor !== undefined) &&
    html`<p class="actions">${!first && html`<a class="button" href="/admin/audit">Newest</a>`}${
      cursor !== undefined && html`<a class="button" href="/admin/audit?cursor=${cursor}">Older</a>`
    }</p>`;
  return page({
    title: 'Audit',
    viewer,
    room: '/admin/audit',
    content: html`<section aria-label="Audit"><p>Every change, and every refusal that is worth one, by ids. Nothing here can be changed; each entry is in the log that checkpoints are signed over.</p>${table(
      {
        caption: 'Newest first',
        columns: ['Time', 'What', 'Outcome', 'By', 'About'],
        rows: entries.map(row),
        empty: 'There is nothing on this page.',
      },
    )}${paging}</section>`,
  });
}

const DOORS: Readonly<Record<AuditEntry['listener'], string>> = {
  main: 'main door',
  admin: 'private door',
  local: 'this machine',
};

const row = (entry: AuditEntry): readonly Child[] => [
  second(entry.at),
  entry.action.replaceAll('_', ' '),
  badge(entry.outcome.replaceAll('_', ' '), entry.outcome === 'ok' ? 'good' : 'plain'),
  ids(`${entry.actorKind}, ${DOORS[entry.listener]}`, [entry.actorAccountId]),
  ids('', [entry.incidentId, entry.subjectAccountId, entry.subjectId]),
];

/** Words, then ids, as one thing. Plain text: what an id led to may be gone. */
function ids(words: string, some: readonly (string | undefined)[]): Html {
  const codes = some.filter((id) => id !== undefined).map((id) => html` <code>${id}</code>`);
  return html`<span>${words}${codes}</span>`;
}
