/** The viewer's style sheet and script: the same for everybody, so anybody may keep them for a while. */
import { utf8 } from '../../crypto/hash.ts';
import { etagOf, isCurrent } from '../kit/etag.ts';
import { anyone, mainRoute, noParams } from '../kit/route.ts';
import { VIEWER_CSS_PATH, VIEWER_SCRIPT_PATH } from '../pages/viewer.ts';
import { VIEWER_CSS } from '../pages/viewer-css.ts';
import { VIEWER_SCRIPT } from '../pages/viewer-script.ts';

/** Short, so that a page of a new version is not shown with the files of the one before for long. */
const KEEP = 'public, max-age=300';

function staticRoute(id: string, path: string, type: string, text: string, summary: string) {
  const body = utf8(text);
  const etag = etagOf(body);
  const headers = { etag, 'cache-control': KEEP };
  return mainRoute({
    id,
    method: 'GET',
    path,
    limit: 'static',
    gate: anyone,
    params: noParams,
    summary,
    headers: { 'If-None-Match': { description: 'The ETag of a copy that is there already.' } },
    answers: {
      200: {
        description: 'The file.',
        types: [type],
        headers: { ETag: { description: 'Strong.', required: true } },
      },
      304: {
        description: 'The copy that is there is the current one.',
        headers: { ETag: { description: 'Strong.', required: true } },
      },
    },
    faults: [],
    async reply({ request }) {
      if (isCurrent(request.headers.get('if-none-match'), etag))
        return { status: 304, headers, body: new Uint8Array(0) };
      return { status: 200, headers: { ...headers, 'content-type': type }, body };
    },
  });
}

export const styles = staticRoute(
  'static.styles',
  VIEWER_CSS_PATH,
  'text/css; charset=utf-8',
  VIEWER_CSS,
  "The style sheet of the viewer's pages.",
);

export const scripts = staticRoute(
  'static.scripts',
  VIEWER_SCRIPT_PATH,
  'text/javascript; charset=utf-8',
  VIEWER_SCRIPT,
  "The script of the viewer's page, which keeps it up to date.",
);

export const staticRoutes = [styles, scripts];
