/** A bundle as an answer, whole or in part: the same for its owner and for whoever holds a link. */
import type { Bundle } from '../../core/bundles.ts';
import type { FaultKind } from '../../core/faults.ts';
import { rangedAnswer } from './range.ts';
import type { Reply } from './reply.ts';
import type { AnswerNote, HeaderNote } from './route.ts';

/** What a route of a bundle reads, for documents. */
export const BUNDLE_ASKED: Readonly<Record<string, HeaderNote>> = {
  Range: { description: 'One range of bytes, so that a download that broke off goes on.' },
  'If-Range': { description: 'The ETag of what is there already; when it is another by now, all is sent.' },
};

const HEADERS: Readonly<Record<string, HeaderNote>> = {
  'Content-Length': { description: 'Exact.', required: true },
  'Content-Disposition': { description: 'attachment, with the name of the bundle.', required: true },
  'Accept-Ranges': { description: 'bytes', required: true },
  ETag: { description: 'Strong: the same tag means the same bytes.', required: true },
};
const types = ['application/zip'];

/** What such a route answers, for documents. */
export const BUNDLE_ANSWERS: Readonly<Record<number, AnswerNote>> = {
  200: { description: 'The ZIP archive.', types, headers: HEADERS },
  206: {
    description: 'The part of it that was asked for.',
    types,
    headers: {
      ...HEADERS,
      'Content-Range': { description: 'Which bytes, and of how many.', required: true },
    },
  },
};

/** What {@link bundleReply} refuses. */
export const BUNDLE_REPLY_FAULTS: readonly FaultKind[] = ['range_not_satisfiable'];

/** @throws Fault `range_not_satisfiable` */
export function bundleReply(request: Request, bundle: Bundle): Reply {
  const { status, headers, start, end } = rangedAnswer(request, bundle);
  return {
    status,
    headers: {
      ...headers,
      'content-type': 'application/zip',
      // The name has no character that would have to be quoted.
      'content-disposition': `attachment; filename="${bundle.filename}"`,
    },
    body: { length: end - start, open: () => bundle.open(start, end) },
  };
}
