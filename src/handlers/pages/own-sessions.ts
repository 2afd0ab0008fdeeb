/** One's own sessions, on the page of one's own account. */
import type { Session, SessionKind } from '../../store/accounts.ts';
import { form } from './forms.ts';
import { type Child, type Html, html } from './html.ts';
import type { Viewer } from './layout.ts';
import { badge, moment, table } from './parts.ts';

export interface OwnSessionsView {
  /** The one that looks. */
  readonly current: Session;
  /** The newest others. */
  readonly others: readonly Session[];
  /** Whether there are older ones, which are not shown. */
  readonly more: boolean;
}

const WHERE: Readonly<Record<SessionKind, string>> = {
  bearer: 'A device or a program',
  web: 'A browser, main door',
  admin_web: 'A browser, this dashboard',
};

/** Where the form is sent that asks to end a session of one's own. */
export const endPath = (id: string): string => `/admin/sessions/${id}/revoke`;
export const END_OTHERS_PATH = '/admin/sessions/revoke-others';

export function ownSessions(viewer: Viewer, { current, others, more }: OwnSessionsView): Html {
  const ends = ({ expiresAt, idleAt }: Session) =>
    idleAt !== undefined && idleAt < expiresAt
      ? html`<span>${moment(idleAt)} if unused</span>`
      : moment(expiresAt);
  const row = (session: Session, last: Child): readonly Child[] => [
    WHERE[session.kind],
    moment(session.createdAt),
    moment(session.lastSeenAt),
    session.verifiedAt === undefined ? 'no' : 'yes',
    ends(session),
    last,
  ];
  const end = ({ id, kind, createdAt }: Session) =>
    form({
      id: `end-${id}`,
      action: endPath(id),
      csrf: viewer.csrf,
      button: 'End…',
      tone: 'plain',
      about: `End the session of ${WHERE[kind].toLowerCase()}, begun ${new Date(createdAt).toISOString()}`,
    });
  return html`${table({
    caption: 'This one, then the others, the newest first. When one was last seen is right to five minutes.',
    columns: ['Where', 'Began', 'Last seen', 'Second factor shown', 'Ends', ''],
    rows: [row(current, badge('this one', 'good')), ...others.map((session) => row(session, end(session)))],
    empty: '',
  })}${more && html`<p>There are older ones, which are not shown. Ending all others ends them too.</p>`}${
    others.length > 0 &&
    form({
      id: 'end-others',
      action: END_OTHERS_PATH,
      csrf: viewer.csrf,
      button: 'End all others…',
      tone: 'plain',
    })
  }`;
}
