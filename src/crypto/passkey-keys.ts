/**
 * The kinds of keys that passkeys may have, as COSE_Keys (RFC 9052 section 7, RFC 9053, RFC 8230). One list for what
 * is offered and for what is taken. Post-quantum algorithms are left out on purpose: not every runtime of ours can
 * verify them, and a passkey that is made at home must also open the door at the edge.
 */

/** EdDSA with Ed25519, ES256, RS256, the most wanted first. */
export const KEY_ALGORITHMS = [-8, -7, -257] as const;
export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

/** Labels of the common parameters, and of those of each key type. */
const KTY = 1;
const ALG = 3;
const OKP = { kty: 1, crv: -1, x: -2 };
const EC2 = { kty: 2, crv: -1, x: -2, y: -3 };
const RSA = { kty: 3, n: -1, e: -2 };
const P256 = 1;
const ED25519 = 6;

/** The key's algorithm, or undefined when it is none of ours. */
export function keyAlgorithm(key: ReadonlyMap<number, unknown>): KeyAlgorithm | undefined {
  const algorithm = key.get(ALG);
  return KEY_ALGORITHMS.find((known) => known === algorithm);
}

/**
 * Whether a key has the form that its algorithm calls for (Web Authentication Level 3 section 5.8.5), and nothing
 * else in it (section 6.5.1). The library verifies by whatever curve a key names. RSA keys are bounded besides:
 * the time that a verification takes is for whoever made the key to choose.
 */
export function keyFits(algorithm: KeyAlgorithm, key: ReadonlyMap<number, unknown>): boolean {
  switch (algorithm) {
    case -8:
      return (
        key.size === 4 &&
        key.get(KTY) === OKP.kty &&
        key.get(OKP.crv) === ED25519 &&
        isBytes(key.get(OKP.x), 32, 32)
      );
    case -7:
      return (
        key.size === 5 &&
        key.get(KTY) === EC2.kty &&
        key.get(EC2.crv) === P256 &&
        isBytes(key.get(EC2.x), 32, 32) &&
        isBytes(key.get(EC2.y), 32, 32)
      );
    case -257: {
      const modulus = key.get(RSA.n);
      return (
        key.size === 4 &&
        key.get(KTY) === RSA.kty &&
        isBytes(modulus, 256, 512) &&
        modulus[0] !== 0 &&
        isExponent(key.get(RSA.e))
      );
    }
  }
}

function isBytes(value: unknown, least: number, most: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length >= least && value.length <= most;
}

/** 65537, the only one that authenticators use. */
function isExponent(value: unknown): boolean {
  return isBytes(value, 3, 3) && value[0] === 1 && value[1] === 0 && value[2] === 1;
}
