/** Pages of a list on the wire: `?after=<id>&limit=<n>` in, `Link` (RFC 8288) out. */
import type { FaultKind } from '../../core/faults.ts';
import type { Page, RawPaging } from '../../core/paging.ts';
import type { HeaderNote } from './route.ts';

/** What a list refuses besides. */
export const PAGING_FAULTS: readonly FaultKind[] = ['invalid_cursor', 'invalid_limit'];

/** For documents. */
export const PAGE_HEADERS: Readonly<Record<string, HeaderNote>> = {
  Link: { description: 'The next page, rel="next", as a URL relative to this one; absent on the last page.' },
};

/** The page that is asked for, unchecked. Of a parameter that is given twice, the first counts. */
export function pagingIn(request: Request): RawPaging {
  const { searchParams } = new URL(request.url);
  return { after: searchParams.get('after'), limit: searchParams.get('limit') };
}

/** The headers of a page. */
export function pageHeaders(request: Request, { next }: Page<unknown>): Readonly<Record<string, string>> {
  if (next === undefined) return {};
  const query = new URLSearchParams({ after: next.after, limit: String(next.limit) });
  return { link: `<${new URL(request.url).pathname}?${query}>; rel="next"` };
}
