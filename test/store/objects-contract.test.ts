/** The contract of object stores on every one that Sallyport speaks to. */
import { it } from 'node:test';
import type { Objects } from '../../src/store/blobs/objects.ts';
import { listed, objectsContract } from '../contract/objects.ts';
import { onObjectStores } from '../support/object-stores.ts';

async function emptied(objects: Objects): Promise<Objects> {
  for (const [key] of await listed(objects)) await objects.remove(key);
  return objects;
}

function contract(open: () => Objects): void {
  for (const { name, run } of objectsContract(() => emptied(open()))) it(name, run);
}

onObjectStores({ what: 'objects', prefix: 'of ours/a+b', inR2: 'home' }, contract);
