/** Whether the bytes of a stream are there, wherever they lie, without reading any. */
import type { KeptChunk } from '../store/chunks.ts';
import type { Stream } from '../store/incidents.ts';
import type { Deps } from './deps.ts';

/** Rows that are read at one time. */
const PAGE = 1000;

async function* pagesOf({ store }: Pick<Deps, 'store'>, streamId: string): AsyncGenerator<KeptChunk[]> {
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page: KeptChunk[] = await store.chunks.page(streamId, after, PAGE);
    yield page;
    after = page.length < PAGE ? undefined : page.at(-1)?.chunkIndex;
  }
}

/** Whether every chunk of a stream has its bytes, as many as it must have. Those in an object store are listed. */
export async function bytesPresent(
  deps: Pick<Deps, 'store' | 'blobs'>,
  { id, incidentId }: Pick<Stream, 'id' | 'incidentId'>,
): Promise<boolean> {
  if (!(await deps.store.chunks.bytesPresent(id))) return false;
  const { objects } = deps.blobs;
  return objects === undefined || !(await objects.lacks(incidentId, id, pagesOf(deps, id)));
}
