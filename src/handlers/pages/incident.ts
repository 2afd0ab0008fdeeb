/** The page of one incident: its counts, its deletion, and what may be decided about it. Nothing of what it holds. */
import type { IncidentFacts } from '../../core/operator-incidents.ts';
import type { ReassignmentAction, ReassignmentReason } from '../../store/operator-incidents.ts';
import { form, type Trouble } from './forms.ts';
import { type Html, html } from './html.ts';
import { failureText, progressText, sourceText, stateBadge } from './incidents.ts';
import { page, type Viewer } from './layout.ts';
import { section } from './overview.ts';
import { bytes, moment, pairs, table } from './parts.ts';

const ACTIONS: Readonly<Record<ReassignmentAction, string>> = {
  assign_owner: 'Give it to an account',
  keep_unowned: 'Keep it without an owner',
};

const REASONS: Readonly<Record<ReassignmentReason, string>> = {
  owner_verified: 'It was verified whose it is',
  owner_request: 'Its owner asked for it',
  operator_review: 'After a review by the operator',
  keep_admin_only: 'Only admins shall know of it',
  unknown_owner: 'Nobody knows whose it is',
  other_controlled: 'Another reason that was agreed on',
};

export const reassignmentReasonText = (reason: ReassignmentReason): string => REASONS[reason];

export interface IncidentView extends IncidentFacts {
  readonly viewer: Viewer;
  /** Whether this process carries deletions out. */
  readonly working: boolean;
  /** What was sent with a form that was refused. */
  readonly typed?: Readonly<Record<string, string | undefined>>;
  readonly notice?: string | undefined;
  readonly trouble?: Trouble;
}

export function incidentPage(view: IncidentView): string {
  const { incident, deletion } = view;
  const unowned = incident.ownerAccountId === undefined && incident.deletionState === 'active';
  return page({
    title: 'Incident',
    viewer: view.viewer,
    room: '/admin/incidents',
    notice: view.notice,
    content: [
      facts(view),
      unowned && reassign(view),
      deletion === undefined ? remove(view) : progress(view),
      view.decisions.length > 0 && decisions(view),
    ],
  });
}

const number = (count: number): string => count.toLocaleString('en');

/** What was sent with this form, where it is the one that was refused. */
const typedIn = ({ typed = {}, trouble }: IncidentView, form: string) =>
  trouble?.form === form ? typed : {};

function facts({ incident }: IncidentView): Html {
  const { counts, ownerAccountId } = incident;
  const links = `${number(counts.viewerTokens)}${incident.hasActiveViewerTokens ? ', open now' : ''}`;
  return html`<section aria-label="Incident">${pairs([
    ['Id', html`<code>${incident.id}</code>`],
    ['Owner', ownerAccountId === undefined ? 'nobody' : html`<code>${ownerAccountId}</code>`],
    ['Recording', incident.status],
    ['State', stateBadge(incident.deletionState)],
    ['Began', moment(incident.createdAt)],
    ['Changed', moment(incident.updatedAt)],
    ['Streams', number(counts.streams)],
    ['Chunks', `${number(counts.chunks)}, ${bytes(incident.bytes)}`],
    ['Check-ins', number(counts.checkins)],
    ['Links', links],
  ])}<p class="empty">What an incident holds and what it is called are not shown here.</p>${
    ownerAccountId !== undefined &&
    html`<p><a class="button" href="/admin/accounts/${ownerAccountId}">The owner’s account</a></p>`
  }</section>`;
}

const pathOf = ({ incident }: IncidentView, verb: string): string =>
  `/admin/incidents/${incident.id}/${verb}`;

function progress({ deletion, working }: IncidentView): Html {
  if (deletion === undefined) return html``;
  const over = deletion.state === 'deleted';
  const next = working
    ? 'The worker goes on by itself; what failed is tried again at each round.'
    : 'SAFE_DELETION_WORKER_INTERVAL is 0, so that this process does not go on with it.';
  return section('deletion', 'Deletion', [
    pairs([
      ['Decision', html`<code>${deletion.id}</code>`],
      ['State', stateBadge(deletion.state)],
      ['Asked for by', sourceText(deletion)],
      ...(deletion.actorAccountId === undefined
        ? []
        : ([['Account', html`<code>${deletion.actorAccountId}</code>`]] as const)),
      ['Reason', deletion.reasonCode ?? 'none given'],
      ['Asked for', moment(deletion.requestedAt)],
      ...(deletion.startedAt === undefined ? [] : ([['Begun', moment(deletion.startedAt)]] as const)),
      ['Touched', moment(deletion.updatedAt)],
      ...(deletion.completedAt === undefined ? [] : ([['Ended', moment(deletion.completedAt)]] as const)),
      ['Chunks gone', progressText(deletion)],
      ...(over ? [] : ([['Failures', failureText(deletion)]] as const)),
    ]),
    !over && html`<p>${next}</p>`,
  ]);
}

function remove(view: IncidentView): Html {
  const open = view.incident.status === 'open';
  return section('delete', 'Delete', [
    html`<p>${
      open
        ? 'This incident is open: somebody may be recording right now. What was recorded is deleted all the same, and nothing more is taken in.'
        : 'The incident and everything in it is deleted for everybody.'
    }</p>`,
    form({
      id: 'delete-incident',
      action: pathOf(view, 'deletion'),
      csrf: view.viewer.csrf,
      // An open one is deleted only where that is said.
      hidden: open ? { allow_open: 'yes' } : {},
      fields: [
        {
          name: 'reason_code',
          label: 'Reason',
          hint: 'At most 64 letters, digits and _ . : -, or nothing. It is kept in the decision.',
          autocomplete: 'off',
          optional: true,
          value: typedIn(view, 'delete-incident').reason_code,
        },
      ],
      button: 'Delete the incident…',
      tone: 'danger',
      trouble: view.trouble,
    }),
  ]);
}

function reassign(view: IncidentView): Html {
  const typed = typedIn(view, 'reassign-incident');
  return section('reassign', 'Nobody owns this incident', [
    html`<p>Make sure by other means whose it is. Its new owner sees everything that the incident says about itself, and can download and delete it; sealed media opens only with the keys of whoever recorded it.</p>`,
    form({
      id: 'reassign-incident',
      action: pathOf(view, 'reassignment'),
      csrf: view.viewer.csrf,
      fields: [
        {
          name: 'action',
          label: 'Decision',
          prompt: 'Choose what to do',
          options: Object.entries(ACTIONS),
          value: typed.action,
        },
        {
          name: 'new_owner',
          label: 'New owner',
          hint: 'A username or an account id. Leave it empty to keep the incident without an owner.',
          autocomplete: 'off',
          optional: true,
          value: typed.new_owner,
        },
        {
          name: 'reason_code',
          label: 'Why',
          prompt: 'Choose a reason',
          options: Object.entries(REASONS),
          value: typed.reason_code,
        },
      ],
      button: 'Decide…',
      tone: 'plain',
      trouble: view.trouble,
    }),
  ]);
}

function decisions(view: IncidentView): Html {
  return section(
    'decisions',
    'Decisions about its owner',
    table({
      caption: 'Newest first',
      columns: ['Decision', 'What', 'Why', 'New owner', 'By', 'When'],
      rows: view.decisions.map((event) => [
        html`<code>${event.id}</code>`,
        ACTIONS[event.action],
        REASONS[event.reasonCode],
        event.newOwnerAccountId === undefined ? 'nobody' : html`<code>${event.newOwnerAccountId}</code>`,
        html`<code>${event.actorAccountId}</code>`,
        moment(event.completedAt),
      ]),
      empty: 'None.',
    }),
  );
}
