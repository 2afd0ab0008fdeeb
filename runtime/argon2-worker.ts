/** The worker thread behind `argon2.ts` where the runtime has no Argon2 of its own. Does one job after another. */
import { parentPort } from 'node:worker_threads';
import { argon2id } from 'hash-wasm';
import type { Argon2Cost } from '../src/crypto/passwords.ts';

export interface HashJob {
  readonly id: number;
  readonly password: Uint8Array;
  readonly salt: Uint8Array;
  readonly cost: Argon2Cost;
}

export type HashAnswer =
  | { readonly id: number; readonly hash: Uint8Array }
  | { readonly id: number; readonly error: string };

async function answer({ id, password, salt, cost }: HashJob): Promise<HashAnswer> {
  try {
    const hash = await argon2id({
      password,
      salt,
      memorySize: cost.memoryKiB,
      iterations: cost.iterations,
      parallelism: cost.parallelism,
      hashLength: cost.length,
      outputType: 'binary',
    });
    return { id, hash };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : 'unknown' };
  }
}

parentPort?.on('message', async (job: HashJob) => {
  parentPort?.postMessage(await answer(job));
});
