/** The pages in front of the dashboard: the first admin, signing in, and being turned away. */
import { isUsername } from '../../core/identity.ts';
import { form, type Trouble } from './forms.ts';
import { type Html, html } from './html.ts';
import { page } from './layout.ts';

/** What was typed and may be shown again. */
export interface Typed {
  readonly username?: string | undefined;
}

/** What is nobody's name may be a password that was typed into the wrong field, and is not shown again. */
const nameIn = ({ username = '' }: Typed): string | undefined =>
  isUsername(username) ? username : undefined;

export const PASSWORD_HINT = '12 to 256 bytes. A phrase of several unrelated words is good.';

/** The form that makes the first admin. */
export function bootstrapPage(typed: Typed = {}, trouble?: Trouble): string {
  return page({
    title: 'Create the First Admin',
    content: html`<div class="panel">
<p>Nobody administers this server yet. Whoever holds its bootstrap secret becomes the first admin, once.</p>
${form({
  id: 'bootstrap',
  action: '/admin/bootstrap',
  fields: [
    {
      name: 'bootstrap_secret',
      label: 'Bootstrap secret',
      hint: 'What SAFE_AUTH_BOOTSTRAP_SECRET says, else the file bootstrap-secret in the data directory.',
      autocomplete: 'one-time-code',
    },
    {
      name: 'username',
      label: 'Username',
      hint: '3 to 64 letters, digits, and . - _ @',
      autocomplete: 'username',
      value: nameIn(typed),
    },
    {
      name: 'password',
      label: 'Password',
      hint: PASSWORD_HINT,
      kind: 'password',
      autocomplete: 'new-password',
    },
  ],
  button: 'Create the admin',
  trouble,
})}
</div>`,
  });
}

/** The id of the login form, for what is said about it. */
export const LOGIN = 'login';

function loginForm(typed: Typed, trouble: Trouble | undefined): Html {
  return html`<div class="panel">${form({
    id: LOGIN,
    action: '/admin/login',
    fields: [
      { name: 'username', label: 'Username', autocomplete: 'username', value: nameIn(typed) },
      { name: 'password', label: 'Password', kind: 'password', autocomplete: 'current-password' },
    ],
    button: 'Sign in',
    trouble,
  })}</div>`;
}

export function loginPage(typed: Typed = {}, trouble?: Trouble): string {
  return page({ title: 'Admin Login', content: loginForm(typed, trouble) });
}

/** A page with one sentence and a way on. */
export function plainPage(
  title: string,
  sentence: string,
  way?: readonly [href: string, label: string],
): string {
  return page({
    title,
    content: html`<div class="panel"><p role="alert">${sentence}</p>${
      way && html`<p><a class="button" href="${way[0]}">${way[1]}</a></p>`
    }</div>`,
  });
}
