/** The dashboard's first page: what is open, what is kept, what needs attention, and one's own account. */
import type { Account, FactorMethod } from '../../store/accounts.ts';
import type { PasteStats } from '../../store/listing.ts';
import { accountTable } from './accounts.ts';
import { form, type Trouble } from './forms.ts';
import { type Child, type Html, html } from './html.ts';
import { page, type Viewer } from './layout.ts';
import { type LogView, logSection } from './log.ts';
import { bytes, counted, duration, pairs } from './parts.ts';
import { PASSWORD_HINT } from './session.ts';
import { type WebhooksView, webhookSection } from './webhooks.ts';

/** What one door serves, and where. */
export interface DoorView {
  readonly name: string;
  readonly rows: readonly (readonly [name: string, value: string])[];
  /** `METHOD /pattern` of every route, where this page can know them. */
  readonly routes?: readonly string[];
}

export interface LimitGroupView {
  readonly name: string;
  readonly windowMs: number;
  readonly enabled: boolean;
  readonly classes: readonly (readonly [name: string, perWindow: number])[];
}

export interface OverviewView {
  readonly viewer: Viewer;
  readonly notice: string | undefined;
  readonly warnings: readonly string[];
  readonly doors: readonly DoorView[];
  readonly limits: readonly LimitGroupView[];
  readonly pastes: PasteStats;
  readonly pasteQuotaBytes: number;
  readonly diskFreeBytes: number | undefined;
  readonly counts: { readonly accounts: number; readonly admins: number; readonly disabled: number };
  readonly uptimeMs: number;
  readonly version: string;
  readonly accounts: readonly Account[];
  /** The viewer's own. */
  readonly accountId: string;
  readonly factors: readonly FactorMethod[];
  readonly mail: boolean;
  readonly log: LogView;
  /** Undefined where none are sent. */
  readonly webhooks: WebhooksView | undefined;
}

export function overviewPage(view: OverviewView): string {
  return page({
    title: 'Overview',
    viewer: view.viewer,
    room: '/admin',
    notice: view.notice,
    content: [
      warningSection(view.warnings),
      figures(view),
      doorSections(view.doors),
      limitSection(view.limits),
      section('log', 'The log', logSection(view.log)),
      view.webhooks && section('webhooks', 'Webhooks', webhookSection(view.webhooks)),
      section('accounts', 'Accounts', [
        accountTable(view.accounts, 'The accounts that were made first'),
        html`<p><a class="button" href="/admin/accounts">All accounts</a></p>`,
      ]),
      own(view),
    ],
  });
}

/** A part of a page with a heading, by which a screen reader finds it. */
export function section(id: string, heading: string, content: Child): Html {
  return html`<section aria-labelledby="${id}-heading"><h2 id="${id}-heading">${heading}</h2>${content}</section>`;
}

function warningSection(warnings: readonly string[]): Html {
  if (warnings.length === 0) return section('warnings', 'Warnings', html`<p>None.</p>`);
  return section(
    'warnings',
    'Warnings',
    html`<ul class="warnings">${warnings.map((warning) => html`<li>${warning}</li>`)}</ul>`,
  );
}

function figures({ pastes, pasteQuotaBytes, diskFreeBytes, counts, uptimeMs, version }: OverviewView): Html {
  const share = percentOf(pastes.bytes, pasteQuotaBytes);
  return section(
    'numbers',
    'In numbers',
    pairs(
      [
        ['Pastes', pastes.count.toLocaleString('en')],
        ['Created in 24 hours', pastes.createdSince.toLocaleString('en')],
        ['Waiting to burn', pastes.burnPending.toLocaleString('en')],
        ['Expired, not yet swept', pastes.expiredPending.toLocaleString('en')],
        ['Bytes of pastes', bytes(pastes.bytes)],
        [`Of the ${bytes(pasteQuotaBytes)} for pastes`, share],
        ['Database', bytes(pastes.storageBytes)],
        ...(diskFreeBytes === undefined ? [] : ([['Free disk', bytes(diskFreeBytes)]] as const)),
        ['Accounts', counts.accounts.toLocaleString('en')],
        ['Active admins', counts.admins.toLocaleString('en')],
        ['Disabled', counts.disabled.toLocaleString('en')],
        ['Running for', duration(uptimeMs)],
        ['Version', version],
      ],
      'figures',
    ),
  );
}

function percentOf(part: number, whole: number): string {
  const percent = (100 * part) / whole;
  if (percent > 0 && percent < 0.1) return '< 0.1 %';
  return `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}

function doorSections(doors: readonly DoorView[]): Html {
  return html`<div class="columns">${doors.map((door, at) =>
    section(`door-${at}`, door.name, [
      pairs(door.rows),
      door.routes !== undefined &&
        html`<details><summary>${counted(door.routes.length, 'route')} of this door</summary><ul class="routes">${door.routes.map(
          (route) => html`<li><code>${route}</code></li>`,
        )}</ul></details>`,
    ]),
  )}</div>`;
}

function limitSection(groups: readonly LimitGroupView[]): Html {
  return section(
    'limits',
    'Limits in force',
    groups.map(({ name, windowMs, enabled, classes }) => [
      html`<h3>${name}</h3>`,
      enabled
        ? html`<p>Requests of one address in ${duration(windowMs)}.</p>${pairs(
            classes.map(([one, limit]) => [one.replaceAll('_', ' '), limit === 0 ? 'off' : limit]),
            'limits',
          )}`
        : html`<p>Off.</p>`,
    ]),
  );
}

const FACTOR_NAMES: Readonly<Record<FactorMethod, string>> = {
  email_challenge: 'mailed codes',
  totp: 'an authenticator app',
  webauthn: 'a passkey',
};

function own({ viewer, accountId, factors, mail }: OverviewView): Html {
  const addTotp =
    !factors.includes('totp') &&
    form({
      id: 'totp-enroll',
      action: '/admin/second-factor/totp/enroll',
      csrf: viewer.csrf,
      button: 'Add an authenticator app',
      tone: 'plain',
    });
  const addEmail =
    mail &&
    !factors.includes('email_challenge') &&
    form({
      id: 'email-challenge',
      action: '/admin/second-factor/email/challenge',
      csrf: viewer.csrf,
      fields: [{ name: 'email', label: 'E-mail address', kind: 'email', autocomplete: 'email' }],
      button: 'Add mailed codes',
      tone: 'plain',
    });
  return html`<div class="columns">${section('own-password', 'Your password', passwordForm(viewer))}${section(
    'own-factors',
    'Your second factors',
    [
      html`<p>You verify with ${factors.map((factor) => FACTOR_NAMES[factor]).join(', ')}.</p>`,
      (addTotp || addEmail) && html`<p>A second way in helps when the first one is lost.</p>`,
      addTotp,
      addEmail,
    ],
  )}${section(
    'own-sessions',
    'Your sessions',
    html`<p><a class="button" href="/admin/accounts/${accountId}">Where you are signed in</a></p>`,
  )}</div>`;
}

function passwordForm(viewer: Viewer, trouble?: Trouble): Html {
  return form({
    id: 'own-password',
    action: '/admin/password',
    csrf: viewer.csrf,
    account: viewer.username,
    fields: [
      {
        name: 'current_password',
        label: 'Current password',
        kind: 'password',
        autocomplete: 'current-password',
      },
      {
        name: 'new_password',
        label: 'New password',
        hint: `${PASSWORD_HINT} Your other sessions end.`,
        kind: 'password',
        autocomplete: 'new-password',
      },
    ],
    button: 'Change your password',
    trouble,
  });
}

/** The form for one's own password, after it was refused. */
export function ownPasswordPage(viewer: Viewer, trouble: Trouble): string {
  return page({
    title: 'Your Password',
    viewer,
    room: '/admin',
    content: html`<section aria-label="Your password">${passwordForm(viewer, trouble)}</section>`,
  });
}
