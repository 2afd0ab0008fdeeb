/** How the dashboard refuses: with a page, in sentences for a person. */
import { Fault, type FaultKind } from '../../core/faults.ts';
import { answerOf } from '../kit/errors.ts';
import type { Refuse } from '../kit/route.ts';
import type { Trouble } from '../pages/forms.ts';
import { LOGIN, loginPage, plainPage } from '../pages/session.ts';
import { pageReply } from './reply.ts';

type Words = readonly [title: string, sentence: string, way?: readonly [href: string, label: string]];

const BACK = ['/admin', 'Back to the start'] as const;

const WORDS: Readonly<Partial<Record<FaultKind, Words>>> = {
  csrf_required: ['Form Expired', 'The form expired. Reload the page and try again.', BACK],
  origin_not_allowed: ['Not From Here', 'The form was sent from another site, so nothing was done.', BACK],
  forbidden: ['Access Denied', 'Admin role is required.', BACK],
  second_factor_setup_required: [
    'Set Up Admin 2FA',
    'Set up your second factor before you do this.',
    ['/admin', 'Set it up'],
  ],
  second_factor_verification_required: [
    'Verify Admin 2FA',
    'Show your second factor before you do this.',
    ['/admin', 'Verify'],
  ],
  invalid_form: ['Form Not Understood', 'The form was not understood. Reload the page and try again.', BACK],
  unsupported_media_type: [
    'Form Not Understood',
    'A form is sent as application/x-www-form-urlencoded. Reload the page and try again.',
    BACK,
  ],
  request_too_large: ['Form Too Large', 'The form is larger than 64 KiB, so it was not read.', BACK],
  request_timeout: ['Form Incomplete', 'The form stopped arriving. Try again.', BACK],
  request_aborted: ['Form Incomplete', 'The form broke off before it was complete. Try again.', BACK],
  rate_limited: ['Too Many Requests', 'There were too many requests.', BACK],
  rate_limit_unavailable: ['Not Available', 'Requests cannot be counted right now. Try again later.', BACK],
  storage_unavailable: ['Not Available', 'Storage is not available right now. Try again in a moment.', BACK],
  service_busy: ['Busy', 'The server is checking too many passwords right now. Try again in a moment.', BACK],
  account_not_found: [
    'No Such Account',
    'There is no account with this id.',
    ['/admin/accounts', 'Accounts'],
  ],
  session_not_found: [
    'No Such Session',
    'There is no session of yours with this id, or it has ended.',
    ['/admin', 'Back to the start'],
  ],
  incident_not_found: [
    'No Such Incident',
    'There is no incident with this id.',
    ['/admin/incidents', 'Incidents'],
  ],
  internal_error: [
    'Something Went Wrong',
    'Something went wrong on the server. Its log has the details.',
    BACK,
  ],
};

/** The standing words of a refusal as a sentence. */
export function sentenceOf(fault: Fault): string {
  const text = fault.detail.message ?? answerOf(fault.kind).message;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** A refusal as a page. Whoever is not signed in gets the form to do so. */
export const refusePage: Refuse = (fault, requestId) => {
  const { status } = answerOf(fault.kind);
  const { retryAfterSeconds } = fault.detail;
  const headers: Record<string, string> = {};
  if (retryAfterSeconds !== undefined) headers['retry-after'] = String(retryAfterSeconds);
  if (fault.kind === 'authentication_required') {
    return pageReply(status, loginPage({}, { form: LOGIN, sentence: 'Admin login is required.' }), headers);
  }
  const [title, sentence, way] = WORDS[fault.kind] ?? ['Not Possible', sentenceOf(fault), BACK];
  const wait = retryAfterSeconds === undefined ? '' : ` Wait ${retryAfterSeconds} s, then try again.`;
  const trace = status >= 500 ? ` The request is ${requestId} in the log.` : '';
  return pageReply(status, plainPage(title, `${sentence}${wait}${trace}`, way), headers);
};

/** What a field of a form says about a refusal that it caused. */
export type Blame<Field extends string> = Readonly<
  Partial<Record<FaultKind, { readonly field?: Field; readonly sentence?: string }>>
>;

/** A refusal that is shown at a form. */
export interface Refused {
  readonly status: number;
  readonly trouble: Trouble;
  readonly kind: FaultKind;
}

/**
 * What becomes of a refusal by the core: something to say at the form, if `blame` has its kind. All others are
 * thrown again, for the page that every refusal has.
 */
export function refusedAt<Field extends string>(thrown: unknown, form: string, blame: Blame<Field>): Refused {
  const blamed = thrown instanceof Fault ? blame[thrown.kind] : undefined;
  if (!(thrown instanceof Fault) || blamed === undefined) throw thrown;
  const { field, sentence = sentenceOf(thrown) } = blamed;
  const trouble = { form, sentence, ...(field !== undefined && { field }) };
  return { status: answerOf(thrown.kind).status, trouble, kind: thrown.kind };
}
