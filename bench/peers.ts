/**
 * How many pastes a second are created and read, as a multiple of what another server of the kind does on the same
 * machine, both asked in turns: 16 connections, as many bytes of ciphertext, each in the form of its own API.
 *
 *     node bench/peers.ts --peer privatebin=http://127.0.0.1:PORT --peer enclosed=http://127.0.0.1:PORT
 *
 * Without a peer there is nothing to measure. What the peers are given stays in them until it expires, a day later.
 */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { startServer, type TestServer } from '../test/support/server.ts';
import { type Wire, wire } from './lib/load.ts';
import { type Asked, PEERS, type Peer, type PeerApi, peerFrom } from './lib/peers.ts';
import { contest, type Side } from './lib/ratio.ts';
import { LIMITS_OFF } from './lib/servers.ts';

interface Size {
  readonly bytes: number;
  readonly named: string;
  /** Exchanges in a round: fewer than against bare servers, for a peer may be slow. */
  readonly count: number;
}

const SIZES: readonly Size[] = [
  { bytes: 1024, named: '1 KiB', count: 500 },
  { bytes: 100 * 1024, named: '100 KiB', count: 200 },
];
/** Pastes that are read, in turn. */
const STORED = 64;

/** What one server is asked, ours or a peer. */
type Api = PeerApi & { readonly url: string };

const oursAt = ({ main }: TestServer): Api => ({
  title: 'Sallyport',
  hint: '',
  url: main,
  created: 201,
  create: (bytes) => ({ method: 'POST', path: '/', headers: {}, body: new Uint8Array(randomBytes(bytes)) }),
  idIn: (answer) => (answer as { readonly id?: string }).id,
  read: (id) => ({ method: 'GET', path: `/${id}/raw`, headers: {} }),
  least: (bytes) => bytes,
});

interface Stored {
  readonly ids: readonly string[];
  /** Bytes of the shortest answer to a create. */
  readonly shortest: number;
}

/** Makes pastes to read, one after the other. @throws Error where the server refuses one */
async function stored(api: Api, bytes: number): Promise<Stored> {
  const ids: string[] = [];
  let shortest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < STORED; i += 1) {
    const { path, ...init } = api.create(bytes);
    const text = await (await fetch(`${api.url}${path}`, init as RequestInit)).text();
    const id = text.startsWith('{') ? api.idIn(JSON.parse(text)) : undefined;
    if (id === undefined)
      throw new Error(`${api.title} refused a paste (${api.hint}): ${text.slice(0, 200)}`);
    ids.push(id);
    shortest = Math.min(shortest, text.length);
  }
  return { ids, shortest };
}

/** Requests of one round. The peer may live under a path. */
function round({ url }: Api, count: number, ask: (i: number) => Asked): Wire[] {
  const base = new URL(url).pathname.replace(/\/$/, '');
  return Array.from({ length: count }, (_, i) => {
    const { method, path, headers, body } = ask(i);
    return wire(method, `${base}${path}`, headers, body);
  });
}

const creates = (api: Api, { bytes, count }: Size, { shortest }: Stored): Side => ({
  url: api.url,
  status: api.created,
  // A refusal that is a 200 too is shorter than the answer that names a paste.
  least: api.created === 200 ? shortest : 0,
  requests: () => round(api, count, () => api.create(bytes)),
});

const reads = (api: Api, { bytes, count }: Size, { ids }: Stored): Side => ({
  url: api.url,
  status: 200,
  least: api.least(bytes),
  requests: () => round(api, count, (i) => api.read(ids[i % ids.length] ?? '')),
});

async function against(peer: Peer, server: TestServer): Promise<void> {
  const ours = oursAt(server);
  const theirs = { ...PEERS[peer.name], url: peer.url };
  for (const size of SIZES) {
    const [mine, other] = [await stored(ours, size.bytes), await stored(theirs, size.bytes)];
    const about = (what: string) => ({ name: `pastes of ${size.named}, ${what}`, against: theirs.title });
    await contest(about('create'), creates(ours, size, mine), creates(theirs, size, other));
    await contest(about('read'), reads(ours, size, mine), reads(theirs, size, other));
  }
}

const { values } = parseArgs({ options: { peer: { type: 'string', multiple: true, default: [] } } });
const peers = values.peer.map(peerFrom);
if (peers.length === 0) console.log('No peer was named: --peer privatebin=URL, --peer enclosed=URL.');
else {
  await using server = await startServer({ settings: LIMITS_OFF });
  for (const peer of peers) await against(peer, server);
}
