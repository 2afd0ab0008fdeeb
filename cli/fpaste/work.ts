/** Solves a proof of work on all cores. */

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { Failure } from '../shared/failure.ts';
import { solveWork } from './work-solver.ts';

export interface Challenge {
  readonly token: string;
  /** Zero bits. */
  readonly difficulty: number;
}

/** 2^32 candidates take minutes on every core of a large machine, which is as long as a token lives. */
const MAX_DIFFICULTY = 32;

/**
 * A solution for `challenge`. Rejects with `refused` when the server asks for more than can be done in time.
 * @param progress called with the number of candidates tried so far; 2^difficulty are expected
 */
export async function solveChallenge(
  { token, difficulty }: Challenge,
  progress: (tried: number) => void,
  threads = availableParallelism(),
): Promise<string> {
  if (difficulty > MAX_DIFFICULTY) {
    throw new Failure(
      'refused',
      'work_too_hard',
      `The server asks for a proof of work of ${difficulty} bits, which no client can do in time.`,
    );
  }
  const count = Math.max(1, Math.min(threads, 64));
  let tried = 0;
  const workers: Worker[] = [];
  try {
    return await new Promise<string>((done, fail) => {
      for (let first = 0; first < count; first += 1) {
        const worker = new Worker(WORKER_SOURCE, {
          eval: true,
          workerData: { token, difficulty, first, step: count },
        });
        workers.push(worker);
        worker.on('message', (message: number | string) => {
          if (typeof message === 'string') return done(message);
          tried += message;
          progress(tried);
        });
        worker.on('error', () =>
          fail(
            new Failure(
              'refused',
              'work_failed',
              'The proof of work could not be done: a worker thread failed.',
            ),
          ),
        );
      }
    });
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** The text of the function, not a file: this program may have no file name that a runtime takes for a module. */
const WORKER_SOURCE = `
const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads');
const solveWork = ${solveWork.toString()};
const { token, difficulty, first, step } = workerData;
const port = { tried: (count) => parentPort.postMessage(count) };
parentPort.postMessage(solveWork(token, difficulty, first, step, port));
`;
