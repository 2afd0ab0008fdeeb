/** The frame of every page of the private door. */
import { ADMIN_CSS_PATH } from './admin.ts';
import { form } from './forms.ts';
import { type Child, type Html, html } from './html.ts';
import { ICON_PATH, MARK } from './icon.ts';

/** The rooms of the dashboard, as its navigation names them. */
const ROOMS = [
  ['/admin', 'Overview'],
  ['/admin/accounts', 'Accounts'],
  ['/admin/pastes', 'Pastes'],
  ['/admin/incidents', 'Incidents'],
  ['/admin/audit', 'Audit'],
  ['/admin/settings', 'Settings'],
] as const;

/** Who looks at a page. */
export interface Viewer {
  readonly username: string;
  /** What the forms of the page carry. */
  readonly csrf: string;
  /** Whether the dashboard is open to this session, or only the way to it. */
  readonly inside: boolean;
}

export interface PageView {
  readonly title: string;
  readonly viewer?: Viewer;
  /** The room that the page belongs to. */
  readonly room?: (typeof ROOMS)[number][0];
  /** What the step before came to. */
  readonly notice?: string | undefined;
  readonly content: Child;
}

function header(viewer: Viewer | undefined, room: PageView['room']): Html {
  const account =
    viewer &&
    html`<div class="who"><span>Signed in as <strong>${viewer.username}</strong></span>${form({
      id: 'sign-out',
      action: '/admin/logout',
      csrf: viewer.csrf,
      button: 'Sign out',
      tone: 'plain',
    })}</div>`;
  const rooms =
    viewer?.inside === true &&
    html`<nav aria-label="Dashboard"><ul>${ROOMS.map(
      ([path, name]) =>
        html`<li><a href="${path}"${path === room && html` aria-current="page"`}>${name}</a></li>`,
    )}</ul></nav>`;
  return html`<header><div class="bar"><a class="brand" href="/admin">${MARK}<span>Sallyport <span class="door">private door</span></span></a>${account}</div>${rooms}</header>`;
}

/**
 * A whole document. The address of a page stays within this door: its policy lets the browser name our own origin to
 * ourselves, which is how a form's post shows where it comes from, and nothing to anybody else.
 */
export function page({ title, viewer, room, notice, content }: PageView): string {
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="same-origin">
<meta name="robots" content="noindex">
<title>${title} · Sallyport</title>
<link rel="stylesheet" href="${ADMIN_CSS_PATH}">
<link rel="icon" type="image/svg+xml" href="${ICON_PATH}">
</head>
<body${viewer?.inside !== true && html` class="narrow"`}>
<a class="skip" href="#content">Skip to the content</a>
${header(viewer, room)}
<main id="content" tabindex="-1">
<h1>${title}</h1>
${notice !== undefined && html`<p class="notice" role="status">${notice}</p>`}
${content}
</main>
<footer><p>Keep this address private. It must not be reachable from the public side.</p></footer>
</body>
</html>
`;
  return document.toString();
}
