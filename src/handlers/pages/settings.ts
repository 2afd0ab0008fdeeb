/** The page of settings in force. Secrets are only ever said to be set. */
import type { SettingInForce, SettingSource } from '../../core/settings.ts';
import { form, type Trouble } from './forms.ts';
import { type Html, html } from './html.ts';
import { page, type Viewer } from './layout.ts';
import { section } from './overview.ts';
import { badge, counted, table } from './parts.ts';

export interface SettingsView {
  readonly viewer: Viewer;
  /** Headings with the settings below each. */
  readonly chapters: readonly (readonly [heading: string, rows: readonly SettingInForce[]])[];
  /** The mail server, where mail is on. */
  readonly mailServer: string | undefined;
  /** The admin's own address, where there is one. */
  readonly ownAddress: string | undefined;
  readonly notice?: string | undefined;
  readonly typed?: string | undefined;
  readonly trouble?: Trouble;
}

const SOURCES: Readonly<Record<SettingSource, string>> = {
  default: 'default',
  toml: 'file of settings',
  environment: 'environment',
  file: 'file of its own',
};

export function settingsPage(view: SettingsView): string {
  return page({
    title: 'Settings',
    viewer: view.viewer,
    room: '/admin/settings',
    notice: view.notice,
    content: html`<p>What is in force, and where it comes from. Settings are read at start; to change one, change the environment or the file and start again.</p>${mail(view)}${view.chapters.map(
      ([heading, rows]) =>
        section(
          heading.toLowerCase().replaceAll(' ', '-'),
          heading,
          table({
            caption: `${counted(rows.length, 'setting')}, ${rows.filter(({ source }) => source !== 'default').length} of them set here`,
            columns: ['Name', 'Value', 'From'],
            rows: rows.map(({ name, value, secret, source }) => [
              html`<code>${name}</code>`,
              secret
                ? badge(value, value === 'set' ? 'good' : 'plain')
                : html`<span class="value">${value === '' ? 'empty' : value}</span>`,
              source === 'default' ? SOURCES[source] : badge(SOURCES[source], 'good'),
            ]),
            empty: '',
          }),
        ),
    )}`,
  });
}

function mail({ viewer, mailServer, ownAddress, typed, trouble }: SettingsView): Html {
  if (mailServer === undefined) {
    return section('test-mail', 'Test mail', html`<p>No mail is sent: SAFE_EMAIL_BACKEND is none.</p>`);
  }
  const own = ownAddress === undefined ? undefined : `Leave it empty to use ${ownAddress}.`;
  return section('test-mail', 'Test mail', [
    html`<p>Sends a short message by ${mailServer}, and says whether the mail server took it.</p>`,
    form({
      id: 'test-mail',
      action: '/admin/test-mail',
      csrf: viewer.csrf,
      fields: [
        {
          name: 'email',
          label: 'To',
          ...(own !== undefined && { hint: own, optional: true }),
          kind: 'email',
          autocomplete: 'email',
          value: typed,
        },
      ],
      button: 'Send a test message',
      tone: 'plain',
      trouble,
    }),
  ]);
}
