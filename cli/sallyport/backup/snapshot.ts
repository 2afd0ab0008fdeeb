/** A copy of the database to make a backup of: from the running server, or made here when there is none. */
import { type FileHandle, open } from 'node:fs/promises';
import { asItIs } from '../../../runtime/as-it-is.ts';
import { callControl } from '../../../runtime/control-client.ts';
import { ControlError } from '../../../runtime/control-protocol.ts';
import { StartError } from '../../../runtime/listener.ts';
import { openSnapshots, type SnapshotState, snapshotCommands } from '../../../runtime/snapshots.ts';
import type { Settings } from '../../../src/core/settings.ts';
import type { BackupFacts } from '../../../src/store/libsql/backup-facts.ts';
import { errorCode, Failure } from '../../shared/failure.ts';

/** How often is asked how far it is. */
const ASK_MS = 100;
/** How long another backup may be in the way. One whose command is gone is let go of after five seconds. */
const WAIT_MS = 30_000;

export interface Snapshot {
  /** Open for reading. The file has no name any more: it is gone when it is closed, however this process ends. */
  readonly file: FileHandle;
  readonly facts: BackupFacts;
}

/** Runs one of the owner's commands. */
type Ask = (name: string, args: unknown) => Promise<unknown>;

/** A refusal of the server, or of this machine, in the terms of a command. */
export function controlFailure(error: unknown): unknown {
  if (error instanceof StartError) return new Failure('refused', 'refused', error.message);
  if (!(error instanceof ControlError)) return error;
  const kind = error.problem === 'broken' || error.problem === 'unusable' ? 'network' : 'refused';
  return new Failure(kind, `server_${error.problem}`, error.message);
}

/**
 * Makes the copy; whatever was committed before the call is in it.
 * @param at is told how many bytes of how many are copied
 */
export async function takeSnapshot(
  settings: Settings,
  at: (bytes: number, of: number) => void,
): Promise<Snapshot> {
  try {
    try {
      return await fetchSnapshot((name, args) => callControl(settings.dataDir, name, args), at);
    } catch (error) {
      if (!(error instanceof ControlError) || error.problem !== 'no_server') throw error;
    }
    return await asItIs(settings, async (db) => {
      const snapshots = openSnapshots(db, settings.dataDir);
      const commands = snapshotCommands(snapshots);
      try {
        return await fetchSnapshot(async (name, args) => {
          try {
            return await commands[name]?.(args);
          } catch (error) {
            throw new ControlError('refused', error instanceof Error ? error.message : 'It failed.');
          }
        }, at);
      } finally {
        snapshots.close();
      }
    });
  } catch (error) {
    throw controlFailure(error);
  }
}

const pause = () => new Promise((done) => setTimeout(done, ASK_MS));

/** @returns the id of a copy that has begun */
async function begun(ask: Ask): Promise<string> {
  for (let waited = 0; ; waited += ASK_MS) {
    const answer = (await ask('backup.begin', {})) as { id: string } | { busy: true };
    if ('id' in answer) return answer.id;
    if (waited >= WAIT_MS)
      throw new Failure(
        'refused',
        'another_backup',
        'Another backup is being made. Wait until it is done, then try again.',
      );
    await pause();
  }
}

async function fetchSnapshot(ask: Ask, at: (bytes: number, of: number) => void): Promise<Snapshot> {
  const id = await begun(ask);
  try {
    for (;;) {
      const state = (await ask('backup.state', { id })) as SnapshotState;
      if (state.state === 'failed') throw new Failure('refused', 'copy_failed', state.message);
      if (state.state === 'ready') return { file: await openCopy(state.path), facts: state.facts };
      at(state.bytes, state.of);
      await pause();
    }
  } finally {
    // Who has it open keeps it.
    await ask('backup.end', { id }).catch(() => {});
  }
}

async function openCopy(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw new Failure(
      'refused',
      'copy_unreadable',
      `The copy at ${path} cannot be read (${errorCode(error)}). Run this on the server's machine, as the user who runs it.`,
    );
  }
}
