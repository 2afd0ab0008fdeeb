/**
 * Other servers of the same kind, asked through their own API: what is sent, and how the answer names what was made.
 *
 * - PrivateBin, JSON API of format 2: https://github.com/PrivateBin/PrivateBin/wiki/API
 * - Enclosed, `/api/notes`: https://docs.enclosed.cc
 *
 * All of them keep what a client has encrypted. Here nobody decrypts it, so the ciphertext is random bytes: as many
 * as a Sallyport that is asked in turns gets, in the form that each API wants.
 */
import { randomBytes } from 'node:crypto';

export type PeerName = 'privatebin' | 'enclosed';

export interface Peer {
  readonly name: PeerName;
  /** `http://` and a loopback address, with a path where it does not live at the root; no slash at its end. */
  readonly url: string;
}

/** A request before it is written down. */
export interface Asked {
  readonly method: 'GET' | 'POST';
  /** Under the peer's URL. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

export interface PeerApi {
  readonly title: string;
  /** What an instance may have to be told before it takes load. */
  readonly hint: string;
  readonly created: number;
  /** A create of so many bytes of ciphertext. */
  create(bytes: number): Asked;
  /** The id in an answer to a create; undefined for a refusal. */
  idIn(answer: unknown): string | undefined;
  read(id: string): Asked;
  /** Bytes of an answer that holds so many bytes of ciphertext, at least. */
  least(bytes: number): number;
}

const JSON_BODY = { 'content-type': 'application/json' };
const json = (document: object): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(JSON.stringify(document));
const wordIn = (answer: unknown, name: string): string | undefined => {
  const value = (answer as Readonly<Record<string, unknown>> | null)?.[name];
  return typeof value === 'string' ? value : undefined;
};

const FROM_SCRIPT = { 'x-requested-with': 'JSONHttpRequest' };

export const PEERS: Readonly<Record<PeerName, PeerApi>> = {
  privatebin: {
    title: 'PrivateBin',
    hint: 'its configuration needs [traffic] limit = 0',
    created: 200,
    create(bytes) {
      const [iv, salt] = [randomBytes(16).toString('base64'), randomBytes(8).toString('base64')];
      const cipher = [iv, salt, 100_000, 256, 128, 'aes', 'gcm', 'none'];
      const document = {
        v: 2,
        adata: [cipher, 'plaintext', 0, 0],
        ct: randomBytes(bytes).toString('base64'),
        meta: { expire: '1day' },
      };
      return { method: 'POST', path: '/', headers: { ...FROM_SCRIPT, ...JSON_BODY }, body: json(document) };
    },
    // A refusal is a 200 too, with another status inside.
    idIn: (answer) =>
      (answer as { status?: unknown } | null)?.status === 0 ? wordIn(answer, 'id') : undefined,
    read: (id) => ({ method: 'GET', path: `/?pasteid=${id}`, headers: FROM_SCRIPT }),
    least: (bytes) => Math.ceil((bytes * 4) / 3),
  },
  enclosed: {
    title: 'Enclosed',
    hint: 'notes without a login must be allowed',
    created: 200,
    create(bytes) {
      const note = {
        payload: `${randomBytes(12).toString('base64url')}:${randomBytes(bytes).toString('base64url')}`,
        deleteAfterReading: false,
        ttlInSeconds: 24 * 60 * 60,
        encryptionAlgorithm: 'aes-256-gcm',
        serializationFormat: 'cbor-array',
        isPublic: true,
      };
      return { method: 'POST', path: '/api/notes', headers: JSON_BODY, body: json(note) };
    },
    idIn: (answer) => wordIn(answer, 'noteId'),
    read: (id) => ({ method: 'GET', path: `/api/notes/${id}`, headers: {} }),
    least: (bytes) => Math.ceil((bytes * 4) / 3),
  },
};

const LOOPBACK = /^(127(\.\d{1,3}){3}|\[::1\]|localhost)$/;

/**
 * A peer from `NAME=URL`. Load is a favour that nobody else is to be done: only this machine's own addresses are taken.
 * @throws Error with a sentence for whoever typed it
 */
export function peerFrom(word: string): Peer {
  const [, name = '', address = ''] = /^([^=]*)=(.*)$/.exec(word) ?? [];
  if (!Object.hasOwn(PEERS, name))
    throw new Error(`--peer ${word}: give NAME=URL, where NAME is ${Object.keys(PEERS).join(' or ')}.`);
  const url = URL.parse(address);
  if (url?.protocol !== 'http:') throw new Error(`--peer ${word}: the URL must begin with http://.`);
  if (!LOOPBACK.test(url.hostname))
    throw new Error(`--peer ${word}: only a loopback address is put under load.`);
  if (`${url.username}${url.password}${url.search}${url.hash}` !== '')
    throw new Error(`--peer ${word}: the URL may hold a host, a port and a path.`);
  return { name: name as PeerName, url: `${url.origin}${url.pathname.replace(/\/+$/, '')}` };
}
