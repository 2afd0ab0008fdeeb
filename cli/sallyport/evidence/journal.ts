/**
 * The journal of a staging directory: what was sealed and what the server has acknowledged, a JSON line each,
 * flushed before anything relies on it. A line that was cut by a crash is dropped; only the last can be.
 */

import { type FileHandle, open, readFile } from 'node:fs/promises';
import { Failure } from '../../shared/failure.ts';
import { keepBeside } from '../../shared/kept.ts';
import type { World } from '../../shared/world.ts';

/** A sealed chunk as it is staged, and what is stated about it. */
export interface StagedChunk {
  readonly index: number;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** Lower-case hex SHA-256 of the sealed file. */
  readonly sha256: string;
  /** Bytes of the sealed file, and of what is in it. */
  readonly bytes: number;
  readonly plainBytes: number;
  readonly final: boolean;
}

/** What a journal says when all of its lines are taken together. */
export interface JournalState {
  /** Staged and not acknowledged, by index. */
  readonly pending: Map<number, StagedChunk>;
  /** The highest index that was staged; 0 for none. */
  lastIndex: number;
  /** Bytes of the recording that have been sealed. */
  plainBytes: number;
  acknowledged: number;
  /** The chunk that ends the stream has been staged. */
  final: boolean;
  /** The server has completed the stream. */
  completed: boolean;
}

type Line =
  | {
      readonly kind: 'summary';
      readonly last: number;
      /** Of what has been acknowledged. */
      readonly plain: number;
      readonly acknowledged: number;
      readonly final: boolean;
      readonly completed: boolean;
    }
  | ({ readonly kind: 'staged' } & StagedChunk)
  | { readonly kind: 'acknowledged'; readonly index: number }
  | { readonly kind: 'completed' };

export class Journal {
  readonly state: JournalState;
  readonly #file: FileHandle;
  #length: number;
  #turn: Promise<void> = Promise.resolve();

  private constructor(state: JournalState, file: FileHandle, length: number) {
    this.state = state;
    this.#file = file;
    this.#length = length;
  }

  /** Reads `folder`/`name`, drops a line that was cut, and writes it anew with what is still of use. */
  static async open(world: Pick<World, 'random'>, folder: string, name: string): Promise<Journal> {
    const text = await readFile(`${folder}/${name}`, 'utf8').catch((error: unknown) => {
      if ((error as { code?: unknown }).code === 'ENOENT') return '';
      throw error;
    });
    const state: JournalState = {
      pending: new Map(),
      lastIndex: 0,
      plainBytes: 0,
      acknowledged: 0,
      final: false,
      completed: false,
    };
    // What follows the last line feed was never finished, and nothing has relied on it.
    for (const line of text.split('\n').slice(0, -1)) take(state, lineIn(line));
    const compact = linesOf(state);
    const path = await keepBeside(world, folder, name, compact);
    return new Journal(state, await open(path, 'r+'), Buffer.byteLength(compact));
  }

  async staged(chunk: StagedChunk): Promise<void> {
    await this.#append({ kind: 'staged', ...chunk });
  }

  async acknowledged(index: number): Promise<void> {
    await this.#append({ kind: 'acknowledged', index });
  }

  async completed(): Promise<void> {
    await this.#append({ kind: 'completed' });
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** One line after the other: a later one must not be on the disk without an earlier one. */
  #append(line: Line): Promise<void> {
    const turn = this.#turn.then(() => this.#write(line));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #write(line: Line): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    try {
      for (let done = 0; done < bytes.length; ) {
        const at = this.#length + done;
        done += (await this.#file.write(bytes, done, bytes.length - done, at)).bytesWritten;
      }
      await this.#file.datasync();
    } catch (error) {
      // Half a line (a full disk) must not stand before the next whole one.
      await this.#file.truncate(this.#length).catch(() => undefined);
      throw error;
    }
    this.#length += bytes.length;
    take(this.state, line);
  }
}

function lineIn(text: string): Line {
  try {
    return JSON.parse(text) as Line;
  } catch {
    throw new Failure(
      'refused',
      'journal_damaged',
      'The journal of the staging directory is damaged in the middle. Its chunks can still be opened: sallyport open DIR --keys DIR/keys.json',
    );
  }
}

/** The shortest journal that says the same. */
function linesOf(state: JournalState): string {
  const pending = [...state.pending.values()];
  const summary: Line = {
    kind: 'summary',
    last: state.lastIndex,
    plain: state.plainBytes - pending.reduce((sum, { plainBytes }) => sum + plainBytes, 0),
    acknowledged: state.acknowledged,
    final: state.final,
    completed: state.completed,
  };
  const lines: readonly Line[] = [summary, ...pending.map((chunk): Line => ({ kind: 'staged', ...chunk }))];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

function take(state: JournalState, line: Line): void {
  switch (line.kind) {
    case 'summary':
      state.lastIndex = line.last;
      state.plainBytes = line.plain;
      state.acknowledged = line.acknowledged;
      state.final = line.final;
      state.completed = line.completed;
      return;
    case 'staged': {
      const { kind: _, ...chunk } = line;
      state.pending.set(chunk.index, chunk);
      state.lastIndex = Math.max(state.lastIndex, chunk.index);
      state.plainBytes += chunk.plainBytes;
      state.final ||= chunk.final;
      return;
    }
    case 'acknowledged':
      if (state.pending.delete(line.index)) state.acknowledged += 1;
      return;
    case 'completed':
      state.completed = true;
  }
}
