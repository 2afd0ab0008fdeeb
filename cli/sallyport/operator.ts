/** What the operator's commands share: the server's settings, and the way to the running server. */
import { callControl } from '../../runtime/control-client.ts';
import { ControlError } from '../../runtime/control-protocol.ts';
import { StartError } from '../../runtime/listener.ts';
import { loadSettings } from '../../runtime/settings.ts';
import { formatProblems, type Settings } from '../../src/core/settings.ts';
import { CommandFailure, type Parsed, UsageError } from './command.ts';

/** The settings that the server would start with. */
export function settingsFrom({ values }: Pick<Parsed, 'values'>): Settings {
  const config = typeof values.config === 'string' ? values.config : undefined;
  const loaded = loadSettings({ env: process.env, config, folder: process.cwd() });
  if (!loaded.ok) throw new UsageError(formatProblems(loaded.problems));
  return loaded.settings;
}

/**
 * Has the running server do it, or does it here when there is none.
 * @param wish how long the server may take, in milliseconds; half a minute unless given
 */
export async function perform(
  settings: Settings,
  name: string,
  args: unknown,
  wish: { readonly timeoutMs?: number } = {},
): Promise<unknown> {
  try {
    try {
      return await callControl(settings.dataDir, name, args, wish);
    } catch (error) {
      if (!(error instanceof ControlError) || error.problem !== 'no_server') throw error;
    }
    const { withoutServer } = await import('../../runtime/offline.ts');
    return await withoutServer(settings, name, args);
  } catch (error) {
    if (error instanceof ControlError || error instanceof StartError) throw new CommandFailure(error.message);
    throw error;
  }
}
