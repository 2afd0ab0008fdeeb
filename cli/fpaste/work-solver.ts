/**
 * The proof of work itself, as one function that needs nothing outside of it: its source text is what runs in
 * each worker thread, whatever the file is called and wherever it came from.
 *
 * SHA-256 is FIPS 180-4. The token is compressed once; each candidate then costs one block, which is several
 * times faster than asking the runtime for a whole hash.
 */

export interface SolverPort {
  /** Called every so often with the number of candidates tried since the last call. */
  tried(count: number): void;
}

/**
 * Tries candidates number `first`, `first + step`, … until SHA-256(`token` ":" candidate) starts with
 * `difficulty` zero bits, and returns that candidate (letters, digits, `-` and `_`). Blocks its thread.
 */
export function solveWork(
  token: string,
  difficulty: number,
  first: number,
  step: number,
  port: SolverPort,
): string {
  const K: number[] = [];
  const initial: number[] = [];
  // The first 32 bits of the fractional parts of the cube and square roots of the first primes (FIPS 180-4, 4.2.2).
  for (let candidate = 2; K.length < 64; candidate += 1) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= candidate; divisor += 1)
      if (candidate % divisor === 0) prime = false;
    if (!prime) continue;
    if (initial.length < 8) initial.push(Math.floor((Math.sqrt(candidate) % 1) * 0x100000000) | 0);
    K.push(Math.floor((Math.cbrt(candidate) % 1) * 0x100000000) | 0);
  }
  const constants = Int32Array.from(K);
  const w = new Int32Array(64);

  const compress = (state: Int32Array, block: Uint8Array, offset: number): void => {
    for (let i = 0, at = offset; i < 16; i += 1, at += 4) {
      w[i] =
        ((block[at] as number) << 24) |
        ((block[at + 1] as number) << 16) |
        ((block[at + 2] as number) << 8) |
        (block[at + 3] as number);
    }
    for (let i = 16; i < 64; i += 1) {
      const x = w[i - 15] as number;
      const y = w[i - 2] as number;
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = ((w[i - 16] as number) + s0 + (w[i - 7] as number) + s1) | 0;
    }
    let a = state[0] as number;
    let b = state[1] as number;
    let c = state[2] as number;
    let d = state[3] as number;
    let e = state[4] as number;
    let f = state[5] as number;
    let g = state[6] as number;
    let h = state[7] as number;
    for (let i = 0; i < 64; i += 1) {
      const S1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + S1 + ((e & f) ^ (~e & g)) + (constants[i] as number) + (w[i] as number)) | 0;
      const S0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (S0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    state[0] = ((state[0] as number) + a) | 0;
    state[1] = ((state[1] as number) + b) | 0;
    state[2] = ((state[2] as number) + c) | 0;
    state[3] = ((state[3] as number) + d) | 0;
    state[4] = ((state[4] as number) + e) | 0;
    state[5] = ((state[5] as number) + f) | 0;
    state[6] = ((state[6] as number) + g) | 0;
    state[7] = ((state[7] as number) + h) | 0;
  };

  const prefix = new TextEncoder().encode(`${token}:`);
  const midstate = Int32Array.from(initial);
  const whole = prefix.length - (prefix.length % 64);
  for (let offset = 0; offset < whole; offset += 64) compress(midstate, prefix, offset);

  // What is left of the token, the candidate, 0x80, zeros and the length in bits: one block where that fits.
  const rest = prefix.length - whole;
  const room = 64 - 9 - rest;
  const width = room >= 6 ? Math.min(room, 10) : 10;
  const tail = new Uint8Array(rest + width + 9 <= 64 ? 64 : 128);
  tail.set(prefix.subarray(whole));
  tail[rest + width] = 0x80;
  const bits = (prefix.length + width) * 8;
  for (let i = 0; i < 4; i += 1) tail[tail.length - 1 - i] = (bits >>> (8 * i)) & 0xff;

  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const codes = Uint8Array.from(alphabet, (character) => character.charCodeAt(0));
  const state = new Int32Array(8);
  const enough = (): boolean => {
    for (let left = difficulty, i = 0; left > 0; left -= 32, i += 1) {
      if (Math.clz32(state[i] as number) < Math.min(left, 32)) return false;
    }
    return true;
  };
  const reportEvery = 65_536;
  for (let number = first, count = 1; ; number += step, count += 1) {
    for (let i = 0, digits = number; i < width; i += 1) {
      tail[rest + i] = codes[digits % 64] as number;
      digits = Math.floor(digits / 64);
    }
    state.set(midstate);
    for (let offset = 0; offset < tail.length; offset += 64) compress(state, tail, offset);
    if (enough()) return new TextDecoder().decode(tail.subarray(rest, rest + width));
    if (count % reportEvery === 0) port.tried(reportEvery);
  }
}
