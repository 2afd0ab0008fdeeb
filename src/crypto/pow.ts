/**
 * Proof of work: a challenge is solved by text for which SHA-256(token ":" solution) starts with enough zero
 * bits. Nothing is stored for a challenge; the token carries all of it, signed. That each is spent once is the
 * store's affair.
 *
 * Token, 48 characters of base64url: version 1 (1 byte), difficulty (1), expiry in ms since the epoch (6, big
 * endian), nonce (12), the first 16 bytes of HMAC-SHA-256(those 20 bytes, peer). 36 bytes fill the characters
 * exactly, so each token has one spelling.
 */
import { equalBytes } from './compare.ts';
import { sha256, utf8 } from './hash.ts';
import type { Keyring } from './keyring.ts';
import { decodeBase64url, encodeBase64url } from './sealed-base64.ts';
import { tokenHash } from './tokens.ts';

export const WORK_ALGORITHM = 'sha256-leading-zero-bits';
export const CHALLENGE_LIFETIME_MS = 5 * 60_000;
/** Far beyond what anyone can solve in a challenge's lifetime; what an operator should choose is about 20. */
export const MAX_DIFFICULTY = 64;

const VERSION = 1;
const NONCE_BYTES = 12;
const SIGNED_BYTES = 20;
const MAC_BYTES = 16;
const TOKEN_CHARACTERS = 48;
const SOLUTION = /^[\x20-\x7e]{1,128}$/;

export interface ChallengeRequest {
  /** Who may spend the token: the client's network, not its address, which may change within it. */
  readonly peer: string;
  /** Zero bits, 0 to {@link MAX_DIFFICULTY}. */
  readonly difficulty: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly random: (length: number) => Uint8Array;
}

export interface Challenge {
  readonly token: string;
  /** Milliseconds since the epoch; from then on the token is worth nothing. */
  readonly expiresAt: number;
}

/** A fresh challenge for `peer`. */
export function makeChallenge(keys: Keyring, request: ChallengeRequest): Challenge {
  const { peer, difficulty, now, random } = request;
  if (!isDifficulty(difficulty)) throw new RangeError(`difficulty must be 0 to ${MAX_DIFFICULTY} bits`);
  const expiresAt = now + CHALLENGE_LIFETIME_MS;
  const token = new Uint8Array(SIGNED_BYTES + MAC_BYTES);
  const view = new DataView(token.buffer);
  view.setUint8(0, VERSION);
  view.setUint8(1, difficulty);
  view.setUint16(2, Math.floor(expiresAt / 2 ** 32));
  view.setUint32(4, expiresAt % 2 ** 32);
  token.set(random(NONCE_BYTES), 8);
  token.set(signature(keys, token.subarray(0, SIGNED_BYTES), peer), SIGNED_BYTES);
  return { token: encodeBase64url(token), expiresAt };
}

export interface Work {
  readonly token: string;
  readonly solution: string;
  /** As in {@link ChallengeRequest}, of the peer that shows the work. */
  readonly peer: string;
  /** The bits demanded now. A token made for fewer is worth nothing; one made for more must meet its own. */
  readonly difficulty: number;
  readonly now: number;
}

export type WorkVerdict =
  | { readonly kind: 'ok'; readonly tokenHash: string; readonly expiresAt: number }
  | { readonly kind: 'invalid' }
  /** Right in everything but time: enough for repeating a create that was done, never for a new one. */
  | { readonly kind: 'expired'; readonly tokenHash: string; readonly expiresAt: number };

/**
 * Judges work that a peer shows. Never throws on what a client sent. `tokenHash` is lower-case hex SHA-256 of
 * the token, the name under which it is spent.
 */
export function checkWork(keys: Keyring, work: Work): WorkVerdict {
  const token = work.token.length === TOKEN_CHARACTERS ? decodeBase64url(work.token) : undefined;
  if (token === undefined || !SOLUTION.test(work.solution)) return { kind: 'invalid' };
  const signed = token.subarray(0, SIGNED_BYTES);
  if (!equalBytes(signature(keys, signed, work.peer), token.subarray(SIGNED_BYTES))) {
    return { kind: 'invalid' };
  }
  // From here on the token is one that we made, for this peer.
  const view = new DataView(token.buffer);
  const difficulty = view.getUint8(1);
  const expiresAt = view.getUint16(2) * 2 ** 32 + view.getUint32(4);
  if (view.getUint8(0) !== VERSION || difficulty < work.difficulty) return { kind: 'invalid' };
  if (!hasLeadingZeroBits(sha256(utf8(`${work.token}:${work.solution}`)), difficulty)) {
    return { kind: 'invalid' };
  }
  // One that lasts longer than any was made while the clock was wrong, and would be good for years.
  const kind = work.now < expiresAt && expiresAt <= work.now + 2 * CHALLENGE_LIFETIME_MS ? 'ok' : 'expired';
  return { kind, tokenHash: tokenHash(work.token), expiresAt };
}

/** Whether the first `bits` bits of `hash` are zero. False when it has not that many. */
export function hasLeadingZeroBits(hash: Uint8Array, bits: number): boolean {
  if (bits > hash.length * 8) return false;
  const whole = Math.floor(bits / 8);
  for (let i = 0; i < whole; i += 1) if (hash[i] !== 0) return false;
  const rest = bits % 8;
  return rest === 0 || (hash[whole] ?? 0xff) >> (8 - rest) === 0;
}

/**
 * Looks for a solution among `count` candidates from number `start` on. Blocks its thread; a client calls it in
 * slices, 2^`difficulty` candidates being what it takes on average.
 *
 * @returns the solution, or undefined when none of these is one: go on at `start + count`.
 */
export function solve(token: string, difficulty: number, start: number, count: number): string | undefined {
  for (let candidate = start; candidate < start + count; candidate += 1) {
    const solution = candidate.toString(36);
    if (hasLeadingZeroBits(sha256(utf8(`${token}:${solution}`)), difficulty)) return solution;
  }
  return undefined;
}

function isDifficulty(bits: number): boolean {
  return Number.isInteger(bits) && bits >= 0 && bits <= MAX_DIFFICULTY;
}

function signature(keys: Keyring, signed: Uint8Array, peer: string): Uint8Array {
  const name = utf8(peer);
  const message = new Uint8Array(SIGNED_BYTES + name.length);
  message.set(signed);
  message.set(name, SIGNED_BYTES);
  return keys.mac('proof-of-work', message).subarray(0, MAC_BYTES);
}
