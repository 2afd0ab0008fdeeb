/** Sallyport's main door on workerd: settings from a Worker's variables, everything else on a libSQL server. */
import { waitUntil } from 'cloudflare:workers';
import { edgeHasher } from './runtime/edge/argon2.ts';
import { composeEdge } from './runtime/edge/compose.ts';
import { type EdgeEnv, edgeDoor } from './runtime/edge/door.ts';
import type { EdgeRequest } from './runtime/edge/peer.ts';
import { edgeTurns } from './runtime/edge/turns.ts';
import { modules } from './runtime/edge/wasm/index.ts';

const hashing = edgeTurns({
  maxWaiting: 16,
  patienceMs: 10_000,
  longestMs: 30_000,
  now: () => Date.now(),
});
const hasher = edgeHasher(modules, hashing);
const answer = edgeDoor(
  (env) => composeEdge(env, hasher),
  () => Date.now(),
);

export default {
  fetch(request: EdgeRequest, env: EdgeEnv): Promise<Response> {
    const answering = answer(request, env);
    // Whoever hangs up does not stop half-way what was begun.
    waitUntil(answering.catch(() => {}));
    return answering;
  },
};
