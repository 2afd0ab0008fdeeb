/** A small memory of what was worked out last: bounded, and what was not asked for longest goes first. */
export class Recent<Value> {
  readonly #most: number;
  readonly #kept = new Map<string, { readonly value: Value; readonly weight: number }>();
  #weight = 0;

  /** @param most the largest sum of weights that is kept */
  constructor(most: number) {
    this.#most = most;
  }

  get(key: string): Value | undefined {
    const found = this.#kept.get(key);
    if (found === undefined) return undefined;
    // A Map lists its keys in the order in which they came.
    this.#kept.delete(key);
    this.#kept.set(key, found);
    return found.value;
  }

  /** @param weight at least 1; what is heavier than all that may be kept is not kept */
  set(key: string, value: Value, weight: number): void {
    this.forget(key);
    if (weight > this.#most) return;
    this.#kept.set(key, { value, weight });
    this.#weight += weight;
    for (const oldest of this.#kept.keys()) {
      if (this.#weight <= this.#most) break;
      this.forget(oldest);
    }
  }

  /** Unknown keys are harmless. */
  forget(key: string): void {
    this.#weight -= this.#kept.get(key)?.weight ?? 0;
    this.#kept.delete(key);
  }
}
