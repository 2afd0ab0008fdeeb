/**
 * What this machine created, and the tokens that delete it: one small file a paste, written beside and renamed,
 * so that runs at the same time and a power cut cannot spoil another's. Keys are never kept.
 */

import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { keepFile } from '../shared/kept.ts';
import { baseFolder } from '../shared/places.ts';
import type { World } from '../shared/world.ts';

export interface PasteRecord {
  readonly id: string;
  /** The server that was asked, ending in `/`: the only one that ever gets the token. */
  readonly server: string;
  /** The address that the server gave out, without a key. */
  readonly url: string;
  readonly deleteToken: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly expiresAt: string;
  /** Bytes as stored. */
  readonly size: number;
  readonly burn: boolean;
  readonly sealed: boolean;
  readonly name?: string | undefined;
}

/** Records of one machine, in `$XDG_STATE_HOME/fpaste/`. */
export class State {
  readonly folder: string;
  readonly #world: World;

  constructor(world: World) {
    this.folder = join(baseFolder(world.env.XDG_STATE_HOME, world, join('.local', 'state')), 'fpaste');
    this.#world = world;
  }

  async keep(record: PasteRecord): Promise<void> {
    await keepFile(this.#world, this.folder, fileName(record), `${JSON.stringify(record)}\n`);
  }

  async forget(record: Pick<PasteRecord, 'id' | 'server'>): Promise<void> {
    await rm(join(this.folder, fileName(record)), { force: true });
  }

  /** All records that have not expired, the newest last. Expired ones are removed. */
  async list(): Promise<readonly PasteRecord[]> {
    const records: PasteRecord[] = [];
    for (const name of await this.#names()) {
      const record = await this.#read(name);
      if (record === undefined) continue;
      if (Date.parse(record.expiresAt) <= this.#world.now()) await this.forget(record);
      else records.push(record);
    }
    return records.sort((a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0));
  }

  /** The record of a paste by its id, and by its address where one is given: another server's may have one too. */
  async find(id: string, address: string | undefined): Promise<PasteRecord | undefined> {
    for (const name of await this.#names()) {
      if (!name.startsWith(`${id}-`)) continue;
      const record = await this.#read(name);
      if (record === undefined || record.id !== id) continue;
      if (address === undefined || address === record.url || address === `${record.server}${id}`)
        return record;
    }
    return undefined;
  }

  async #names(): Promise<readonly string[]> {
    try {
      return (await readdir(this.folder)).filter((name) => name.endsWith('.json'));
    } catch {
      return [];
    }
  }

  async #read(name: string): Promise<PasteRecord | undefined> {
    try {
      return recordOf(JSON.parse(await readFile(join(this.folder, name), 'utf8')));
    } catch {
      // Removed by another run, or not ours.
      return undefined;
    }
  }
}

/** An id alone could be claimed by another server. */
function fileName({ id, server }: Pick<PasteRecord, 'id' | 'server'>): string {
  return `${id}-${createHash('sha256').update(server).digest('hex').slice(0, 16)}.json`;
}

function recordOf(json: unknown): PasteRecord | undefined {
  const record = json as Partial<Record<keyof PasteRecord, unknown>> | null;
  const texts = ['id', 'server', 'url', 'deleteToken', 'createdAt', 'expiresAt'] as const;
  if (typeof record !== 'object' || record === null) return undefined;
  if (texts.some((name) => typeof record[name] !== 'string') || typeof record.size !== 'number')
    return undefined;
  return record as PasteRecord;
}
