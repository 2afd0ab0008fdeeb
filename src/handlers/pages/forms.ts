/** Forms: every input with its label, its hint and, when it was refused, the sentence that says why. */
import { type Child, type Html, html } from './html.ts';

/** Why a form was refused, at the field that caused it or at the form as a whole. */
export interface Trouble {
  /** The form's id. */
  readonly form: string;
  readonly field?: string;
  readonly sentence: string;
}

interface Labelled {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
}

export interface InputView extends Labelled {
  readonly kind?: 'text' | 'password' | 'email' | 'code';
  readonly autocomplete: string;
  /** Never of a password or a code: what was secret is not sent back. */
  readonly value?: string | undefined;
  readonly optional?: boolean;
}

export interface SelectView extends Labelled {
  readonly options: readonly (readonly [value: string, label: string])[];
  /** What stands first where nothing is chosen yet. */
  readonly prompt?: string;
  readonly value?: string | undefined;
}

export interface FormView {
  /** Unique in its page; the ids of its fields begin with it. */
  readonly id: string;
  readonly action: string;
  /** Of the session; absent where there is none yet. */
  readonly csrf?: string;
  readonly fields?: readonly (InputView | SelectView)[];
  readonly hidden?: Readonly<Record<string, string>>;
  readonly button: string;
  readonly tone?: 'main' | 'plain' | 'danger';
  /** Whose password the form is about, for whoever keeps passwords; it is not sent. */
  readonly account?: string;
  /** A name for the button where its words alone do not say what it is about. */
  readonly about?: string;
  readonly trouble?: Trouble | undefined;
}

function control(id: string, field: InputView | SelectView, described: string, wrong: boolean): Html {
  const marks = html`${described !== '' && html` aria-describedby="${described}"`}${
    wrong && html` aria-invalid="true" autofocus`
  }`;
  if ('options' in field) {
    return html`<select id="${id}" name="${field.name}" required${marks}>${
      field.prompt !== undefined && html`<option value="">${field.prompt}</option>`
    }${field.options.map(
      ([value, label]) =>
        html`<option value="${value}"${value === field.value && html` selected`}>${label}</option>`,
    )}</select>`;
  }
  const { kind = 'text', autocomplete, value, optional } = field;
  // Whoever types a secret or a code wants no capitals and no corrections.
  const plain = kind !== 'email' && html` autocapitalize="none" spellcheck="false"`;
  const digits = kind === 'code' && html` inputmode="numeric" maxlength="8" class="code"`;
  return html`<input id="${id}" name="${field.name}" type="${kind === 'code' ? 'text' : kind}"${
    value !== undefined && html` value="${value}"`
  } autocomplete="${autocomplete}"${plain}${digits}${optional !== true && html` required`}${marks}>`;
}

function row(form: string, field: InputView | SelectView, trouble: Trouble | undefined): Html {
  const id = `${form}-${field.name}`;
  const wrong = trouble?.form === form && trouble.field === field.name ? trouble.sentence : undefined;
  const described = [field.hint !== undefined && `${id}-hint`, wrong !== undefined && `${id}-error`]
    .filter((one) => one !== false)
    .join(' ');
  return html`<div class="field"><label for="${id}">${field.label}</label>${
    field.hint !== undefined && html`<p class="hint" id="${id}-hint">${field.hint}</p>`
  }${control(id, field, described, wrong !== undefined)}${
    wrong !== undefined && html`<p class="error" id="${id}-error" role="alert">${wrong}</p>`
  }</div>`;
}

/** A form that is posted. */
export function form(view: FormView): Html {
  const { id, action, csrf, fields = [], hidden = {}, button, tone = 'main', about, account, trouble } = view;
  const whole = trouble?.form === id && trouble.field === undefined ? trouble.sentence : undefined;
  const secrets: Child = csrf !== undefined && html`<input type="hidden" name="csrf_token" value="${csrf}">`;
  return html`<form id="${id}" method="post" action="${action}">${secrets}${Object.entries(hidden).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )}${
    account !== undefined &&
    html`<input type="text" autocomplete="username" value="${account}" readonly hidden>`
  }${whole !== undefined && html`<p class="error" role="alert">${whole}</p>`}${fields.map((field) =>
    row(id, field, trouble),
  )}<button type="submit" class="${tone}"${about !== undefined && html` aria-label="${about}"`}>${button}</button></form>`;
}
