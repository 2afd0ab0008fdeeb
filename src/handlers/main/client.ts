/** The command line client, from the server itself: one file. */
import { utf8 } from '../../crypto/hash.ts';
import { isCurrent } from '../kit/etag.ts';
import { anyone, mainRoute, noParams } from '../kit/route.ts';

/** With the first download, not with the start: it is a quarter of all source that a server would read for one. */
async function readFile() {
  const { CLIENT_ETAG, CLIENT_SHA256_BASE64, CLIENT_TEXT } = await import('../../generated/client.ts');
  return { etag: CLIENT_ETAG, digest: `sha-256=:${CLIENT_SHA256_BASE64}:`, bytes: utf8(CLIENT_TEXT) };
}

let file: ReturnType<typeof readFile> | undefined;

export const readClient = mainRoute({
  id: 'client.read',
  method: 'GET',
  path: '/client',
  prefixed: true,
  limit: 'static',
  gate: anyone,
  params: noParams,
  summary: 'fpaste, the command line client, as one file without dependencies.',
  headers: { 'If-None-Match': { description: 'The ETag of a copy that is there already.' } },
  answers: {
    200: {
      description: 'The file.',
      types: ['text/javascript'],
      headers: {
        ETag: { description: 'Strong.', required: true },
        'Content-Digest': { description: 'SHA-256 of the file (RFC 9530).', required: true },
      },
    },
    304: {
      description: 'The copy that is there is the current one.',
      headers: { ETag: { description: 'Strong.', required: true } },
    },
  },
  faults: [],
  async reply({ request }) {
    file ??= readFile();
    const { etag, digest, bytes } = await file;
    // Anybody may keep it, and asks whether it still is the one: its digest must not lag behind the server.
    const headers = { etag, 'cache-control': 'no-cache' };
    if (isCurrent(request.headers.get('if-none-match'), etag))
      return { status: 304, headers, body: new Uint8Array(0) };
    return {
      status: 200,
      headers: {
        ...headers,
        'content-type': 'text/javascript',
        'content-digest': digest,
      },
      body: bytes,
    };
  },
});

export const clientRoutes = [readClient];
