/** Threads in an executable of one file: their code lies in it as text. The build puts this in the place of `Worker`. */
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { WORKER_SOURCES } from 'sallyport:worker-sources';

export class EmbeddedWorker extends Worker {
  /** @param name the path of the worker's source in the project */
  constructor(name: string, options: WorkerOptions = {}) {
    const source = WORKER_SOURCES[name];
    if (source === undefined) throw new Error(`This executable has no thread ${name}.`);
    super(source, { ...options, eval: true });
  }
}
