/** Pages and redirects as answers, and what documents say about them. */
import { utf8 } from '../../crypto/hash.ts';
import type { Reply } from '../kit/reply.ts';
import type { AnswerNote, RouteNote } from '../kit/route.ts';

export const HTML_TYPE = 'text/html; charset=utf-8';

type Headers = Readonly<Record<string, string>>;

export function pageReply(status: number, page: string, headers: Headers = {}): Reply {
  return { status, headers: { 'content-type': HTML_TYPE, ...headers }, body: utf8(page) };
}

/** Sends a browser on, with GET, after a form was done. `location` is a path of ours. */
export function seeOther(location: string, headers: Headers = {}): Reply {
  return pageReply(303, '', { location, ...headers });
}

const PAGE: AnswerNote = { description: 'A page.', types: [HTML_TYPE] };

/** The answers of a page that is read. */
export const PAGE_ANSWERS: RouteNote['answers'] = { 200: PAGE };

/** The answers of a form that leads on when it is done. */
export const FORM_ANSWERS: RouteNote['answers'] = {
  303: {
    description: 'Done.',
    types: [HTML_TYPE],
    headers: { Location: { description: 'A page.', required: true } },
  },
};

/** The answers of a form that asks once more before it does anything. */
export const CONFIRMED_ANSWERS: RouteNote['answers'] = {
  ...FORM_ANSWERS,
  200: { description: 'A page that asks for confirmation; nothing was done.', types: [HTML_TYPE] },
};

/** What documents say about a form's body. */
export function formBody(description: string): NonNullable<RouteNote['body']> {
  return { description, types: ['application/x-www-form-urlencoded'] };
}
