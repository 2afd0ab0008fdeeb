/** The page of incidents that need a decision or a look: ids, states and counts. */
import type { DeletionProgress, IncidentSums, UnownedIncident } from '../../store/operator-incidents.ts';
import { form, type Trouble } from './forms.ts';
import { type Html, html } from './html.ts';
import { page, type Viewer } from './layout.ts';
import { section } from './overview.ts';
import { badge, bytes, moment, pairs, table } from './parts.ts';

export interface IncidentsView {
  readonly viewer: Viewer;
  readonly sums: IncidentSums;
  readonly unowned: readonly UnownedIncident[];
  readonly unfinished: readonly DeletionProgress[];
  readonly ended: readonly DeletionProgress[];
  /** Whether this process carries deletions out. */
  readonly working: boolean;
  /** What was looked for and not found. */
  readonly typed?: string | undefined;
  readonly notice?: string | undefined;
  readonly trouble?: Trouble;
}

export function incidentsPage(view: IncidentsView): string {
  return page({
    title: 'Incidents',
    viewer: view.viewer,
    room: '/admin/incidents',
    notice: view.notice,
    content: [
      find(view),
      numbers(view.sums),
      unownedSection(view.unowned),
      unfinished(view),
      ended(view.ended),
    ],
  });
}

const link = (id: string): Html => html`<a href="/admin/incidents/${id}"><code>${id}</code></a>`;
const number = (count: number): string => count.toLocaleString('en');

const SOURCES: Readonly<Record<DeletionProgress['source'], string>> = {
  account_request: 'its owner',
  admin_request: 'an admin',
  retention_policy: 'retention',
};

export const sourceText = ({ source }: DeletionProgress): string => SOURCES[source];

/** A state of deletion in words. */
export function stateBadge(state: string): Html {
  const tone = state === 'deletion_failed' ? 'bad' : state === 'active' ? 'good' : 'plain';
  return badge(state.replaceAll('_', ' '), tone);
}

function find({ viewer, typed, trouble }: IncidentsView): Html {
  return section(
    'find',
    'Find an incident',
    form({
      id: 'find-incident',
      action: '/admin/incidents/find',
      csrf: viewer.csrf,
      fields: [
        {
          name: 'incident_id',
          label: 'Id',
          hint: 'inc_ and 26 letters and digits. Its counts and its deletion are shown, never what it holds.',
          autocomplete: 'off',
          value: typed,
        },
      ],
      button: 'Show the incident',
      trouble,
    }),
  );
}

function numbers(sums: IncidentSums): Html {
  return section(
    'numbers',
    'In numbers',
    pairs(
      [
        ['Incidents', number(sums.count)],
        ['Open', number(sums.open)],
        ['Closed', number(sums.closed)],
        ['Without an owner', number(sums.unowned)],
        ['Bytes of chunks', bytes(sums.bytes)],
        ['Waiting to be deleted', number(sums.deletionPending)],
        ['Being deleted', number(sums.deleting)],
        ['Deletion failed', number(sums.deletionFailed)],
        ['Deleted, tombstone kept', number(sums.deleted)],
      ],
      'figures',
    ),
  );
}

function unownedSection(unowned: readonly UnownedIncident[]): Html {
  return section('unowned', 'Without an owner', [
    html`<p>No account sees these. Whoever holds a link that has not ended reads them as before. Open one to give it to an account, or to decide that it stays as it is.</p>`,
    table({
      caption: 'In the order in which they began',
      columns: ['Incident', 'State', 'Began', 'Changed', 'Streams', 'Chunks', 'Check-ins', 'Links'],
      rows: unowned.map((incident) => [
        link(incident.id),
        [incident.status, ' ', stateBadge(incident.deletionState)],
        moment(incident.createdAt),
        moment(incident.updatedAt),
        number(incident.counts.streams),
        number(incident.counts.chunks),
        number(incident.counts.checkins),
        `${number(incident.counts.viewerTokens)}${incident.hasActiveViewerTokens ? ', open now' : ''}`,
      ]),
      empty: 'Every incident has an owner.',
    }),
  ]);
}

/** How many of a deletion's chunks are gone. */
export const progressText = ({ itemCount, chunksLeft }: DeletionProgress): string =>
  `${number(Math.max(0, itemCount - chunksLeft))} of ${number(itemCount)}`;

/** What went wrong with it, and how often. */
export function failureText({ errorCode, failures, itemsFailed }: DeletionProgress): string {
  if (failures === 0) return 'none';
  return `${errorCode ?? 'unknown'}; tried in vain: ${number(failures)}; chunks that would not go: ${number(itemsFailed)}`;
}

function unfinished({ unfinished: deletions, working }: IncidentsView): Html {
  return section('deletions', 'Deletions', [
    html`<p>${
      working
        ? 'A worker carries these out. One that failed is tried again at each round.'
        : 'SAFE_DELETION_WORKER_INTERVAL is 0, so that this process carries none of these out.'
    }</p>`,
    table({
      caption: 'Not done yet, oldest first',
      columns: ['Incident', 'State', 'Asked for by', 'Asked for', 'Touched', 'Chunks gone', 'Failures'],
      rows: deletions.map((deletion) => [
        link(deletion.incidentId),
        stateBadge(deletion.state),
        sourceText(deletion),
        moment(deletion.requestedAt),
        moment(deletion.updatedAt),
        progressText(deletion),
        failureText(deletion),
      ]),
      empty: 'No deletion waits.',
    }),
  ]);
}

function ended(deletions: readonly DeletionProgress[]): Html {
  return section(
    'deleted',
    'Deleted',
    table({
      caption: 'The deletions that ended last',
      columns: ['Incident', 'Asked for by', 'Reason', 'Asked for', 'Ended', 'Chunks'],
      rows: deletions.map((deletion) => [
        link(deletion.incidentId),
        sourceText(deletion),
        deletion.reasonCode ?? 'none given',
        moment(deletion.requestedAt),
        deletion.completedAt === undefined ? '' : moment(deletion.completedAt),
        number(deletion.itemCount),
      ]),
      empty: 'No incident was deleted, or nothing is left of it.',
    }),
  );
}
