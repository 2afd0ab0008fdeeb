/**
 * Which parts of the code an input reaches, as V8 counts them: its block coverage needs neither instrumented source
 * nor a package. Taking the counts costs milliseconds, so they are taken for many inputs at once, and for each alone
 * only where those together reached something new.
 */
import { Session } from 'node:inspector/promises';

/** Whose blocks count: ours, and those of the packages that read what strangers wrote. */
const COUNTED =
  /\/(src|cli|runtime)\/[^?]+\.ts$|node_modules\/(smol-toml|structured-headers|multipasta|age-encryption|ipaddr\.js|asn1js|pkijs|otpauth|@simplewebauthn)\//;

export class Coverage {
  readonly #session = new Session();
  readonly #seen = new Set<string>();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  async stop(): Promise<void> {
    await this.#session.post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }

  /** How many blocks, and how often by powers of two, were reached so far. */
  get size(): number {
    return this.#seen.size;
  }

  /** Forgets what ran since the last look. */
  async reset(): Promise<void> {
    await this.#session.post('Profiler.takePreciseCoverage');
  }

  /**
   * How much of what ran since the last look had never run before.
   * @param keep whether it counts as seen from now on
   */
  async fresh(keep: boolean): Promise<number> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    let count = 0;
    for (const { url, scriptId, functions } of result) {
      if (!COUNTED.test(url)) continue;
      for (const { ranges } of functions)
        for (const { startOffset, endOffset, count: times } of ranges) {
          if (times === 0) continue;
          const key = `${scriptId} ${startOffset} ${endOffset} ${Math.floor(Math.log2(times))}`;
          if (this.#seen.has(key)) continue;
          count += 1;
          if (keep) this.#seen.add(key);
        }
    }
    return count;
  }
}
