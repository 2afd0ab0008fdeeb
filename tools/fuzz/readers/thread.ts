/** The thread in which readers run, so that one which never returns ends the run and not the machine's patience. */
import { parentPort, workerData } from 'node:worker_threads';
import { saying } from '../target.ts';
import { Heart } from './heartbeat.ts';
import type { Reader } from './reader.ts';
import { readerTarget } from './target.ts';
import type { FromThread, Order, ThreadStart } from './watched.ts';

const { module, shared } = workerData as ThreadStart;
const heart = new Heart(shared);
const tell = (message: FromThread) => parentPort?.postMessage(message);

const { readers } = (await import(module)) as { readonly readers: readonly Reader[] };

async function carryOut({ name, guided, work }: Order): Promise<FromThread> {
  const reader = readers.find((one) => one.name === name);
  if (reader === undefined) return { kind: 'failed', message: `There is no reader ${name}.` };
  const target = readerTarget(reader, guided, heart);
  try {
    if (work.kind === 'fuzz') {
      const outcome = await target.fuzz({
        seed: work.seed,
        more: (runs) => heart.mayGoOn(() => tell({ kind: 'more', runs })),
        progress: (runs, about) => tell({ kind: 'progress', runs, about }),
      });
      return { kind: 'done', outcome };
    }
    await target.replay(work.input);
    return { kind: 'done', outcome: { runs: 1 } };
  } catch (error) {
    return { kind: 'failed', message: saying(error) };
  }
}

parentPort?.on('message', async (order: Order) => {
  // Nothing but the reader's own work holds the thread meanwhile: one that waits for what never comes ends it.
  parentPort?.unref();
  const end = await carryOut(order);
  parentPort?.ref();
  tell(end);
});
