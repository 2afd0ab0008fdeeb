/** The command line client, from the server itself: one file. */
import { utf8 } from '../../crypto/hash.ts';
import { CLIENT_ETAG, CLIENT_SHA256_BASE64, CLIENT_TEXT } from '../../generated/client.ts';
import { isCurrent } from '../kit/etag.ts';
import { anyone, mainRoute, noParams } from '../kit/route.ts';

const BYTES = utf8(CLIENT_TEXT);

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
    // Anybody may keep it, and asks whether it still is the one: its digest must not lag behind the server.
    const headers = { etag: CLIENT_ETAG, 'cache-control': 'no-cache' };
    if (isCurrent(request.headers.get('if-none-match'), CLIENT_ETAG))
      return { status: 304, headers, body: new Uint8Array(0) };
    return {
      status: 200,
      headers: {
        ...headers,
        'content-type': 'text/javascript',
        'content-digest': `sha-256=:${CLIENT_SHA256_BASE64}:`,
      },
      body: BYTES,
    };
  },
});

export const clientRoutes = [readClient];
