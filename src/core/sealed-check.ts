/**
 * Sealed or refused: whether bytes look like ciphertext. A heuristic that keeps people from storing plaintext by
 * accident, not a proof: compressed files pass, and whoever wants to can make anything look random.
 */

/** What is known of a body after it has gone by. */
export interface SealEvidence {
  /** Length of the whole body in bytes. */
  readonly size: number;
  /** Whether the whole body is valid UTF-8. */
  readonly utf8: boolean;
  /** The strictly parsed header at its start, if there is one; `length` counts all bytes before the payload. */
  readonly header: { readonly kind: 'sealed' | 'age'; readonly length: number } | undefined;
  /**
   * Measured entropy of what follows the header, or of the whole body where there is none, in bits per byte.
   * Undefined where it was not measured.
   */
  readonly entropy: number | undefined;
}

/** The least that follows a whole header: one padded segment of 256 bytes and its tag; age's nonce and a tag. */
const LEAST_PAYLOAD = { sealed: 256 + 16, age: 16 + 16 };
/** Below this, chance moves the measured entropy too far to judge by it. */
const LEAST_MEASURABLE = 64;

/**
 * Whether a body counts as sealed where `minimum` bits per byte are asked for (7.2 is the recommendation).
 *
 * A body that is valid UTF-8 never does. After a header there must be at least as many bytes as its format
 * always has; fewer than 64 are then let pass, all else is judged by its entropy. Without a header a body must
 * have at least 64 bytes. Entropy is scaled so that random bytes come to 8 at any length.
 *
 * Throws a TypeError when the entropy is needed and was not measured.
 */
export function sealedEnough({ size, utf8, header, entropy }: SealEvidence, minimum: number): boolean {
  if (utf8) return false;
  const judged = size - (header?.length ?? 0);
  if (judged < (header === undefined ? LEAST_MEASURABLE : LEAST_PAYLOAD[header.kind])) return false;
  if (judged < LEAST_MEASURABLE) return true;
  if (entropy === undefined) throw new TypeError('the entropy of the body was not measured');
  return (entropy * 8) / expectedEntropy(judged) >= minimum;
}

/**
 * Shannon entropy of observed byte frequencies, in bits per byte.
 *
 * @param counts how often each byte value occurs, 256 numbers
 */
export function measuredEntropy(counts: Uint32Array): number {
  let total = 0;
  for (const count of counts) total += count;
  let sum = 0;
  for (const count of counts) if (count > 0) sum += count * Math.log2(count);
  return total === 0 ? 0 : Math.log2(total) - sum / total;
}

const SYMBOLS = 256;
/** Up to here the exact sum is cheap (a few hundred terms); beyond, the series is right to six decimals. */
const EXACT_UP_TO = 16_384;

/**
 * What {@link measuredEntropy} gives on average for `length` uniform random bytes. It is below 8, and far below
 * for short ones: 64 random bytes cannot show 256 values.
 *
 * Exactly log2 n − (256/n) Σ_k P(K = k) k log2 k, with K the binomial count of one value. For long bodies the
 * series of Harris (1975): ln 256 − 255/2n − (256² − 1)/12n², in nats. Takes at most a few microseconds.
 */
export function expectedEntropy(length: number): number {
  if (length <= 1) return 0;
  if (length > EXACT_UP_TO) {
    const nats = (SYMBOLS - 1) / (2 * length) + (SYMBOLS ** 2 - 1) / (12 * length ** 2);
    return 8 - nats / Math.LN2;
  }
  const mean = length / SYMBOLS;
  // Fifteen standard deviations and some: what is left out is below the precision of a double.
  const last = Math.min(length, Math.ceil(mean + 15 * Math.sqrt(mean) + 30));
  let probability = (1 - 1 / SYMBOLS) ** length;
  let sum = 0;
  for (let k = 1; k <= last; k += 1) {
    probability *= (length - k + 1) / (k * (SYMBOLS - 1));
    sum += probability * k * Math.log2(k);
  }
  return Math.log2(length) - (SYMBOLS / length) * sum;
}
