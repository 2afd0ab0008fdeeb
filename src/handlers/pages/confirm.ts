/** A question before what cannot be undone. It is a page of its own, since there is no script to ask with. */
import { form, type InputView, type Trouble } from './forms.ts';
import { html } from './html.ts';
import { type PageView, page, type Viewer } from './layout.ts';

export interface ConfirmView {
  readonly viewer: Viewer;
  readonly room: NonNullable<PageView['room']>;
  readonly title: string;
  /** What will have happened afterwards, a sentence each. */
  readonly consequences: readonly string[];
  readonly action: string;
  /** What the form before had, to be sent once more. */
  readonly hidden?: Readonly<Record<string, string>>;
  readonly button: string;
  /** Where the way back leads. */
  readonly back: string;
  /** Whether the viewer's own password is asked for with the yes, in the field `current_password`. */
  readonly password?: boolean;
  readonly trouble?: Trouble | undefined;
}

/** The id of the form, for what is said about it. */
export const CONFIRM_FORM = 'confirm';

/** The field that says yes, and what it says. */
export const CONFIRM = 'confirm';
export const YES = 'yes';

const OWN_PASSWORD: InputView = {
  name: 'current_password',
  label: 'Your password',
  kind: 'password',
  autocomplete: 'current-password',
};

export function confirmPage(view: ConfirmView): string {
  return page({
    title: view.title,
    viewer: view.viewer,
    room: view.room,
    content: html`<section aria-label="Confirmation"><p>If you go on:</p>
<ul>${view.consequences.map((one) => html`<li>${one}</li>`)}</ul>
<div class="actions">${form({
      id: CONFIRM_FORM,
      action: view.action,
      csrf: view.viewer.csrf,
      ...(view.password === true && { account: view.viewer.username, fields: [OWN_PASSWORD] }),
      trouble: view.trouble,
      hidden: { ...view.hidden, [CONFIRM]: YES },
      button: view.button,
      tone: 'danger',
    })}<a class="button" href="${view.back}">Cancel</a></div></section>`,
  });
}
