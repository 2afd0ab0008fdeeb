/** `sallyport reload` and `sallyport log-level`: what a running server changes without a restart. */
import { callControl } from '../../runtime/control-client.ts';
import { ControlError } from '../../runtime/control-protocol.ts';
import type { Reloaded } from '../../runtime/reload.ts';
import type { Settings } from '../../src/core/settings.ts';
import { type Command, CommandFailure, parse, tell } from './command.ts';
import { settingsFrom } from './operator.ts';

/** Only a running server can do these. */
async function asked({ dataDir }: Settings, name: string, args: unknown): Promise<unknown> {
  try {
    return await callControl(dataDir, name, args);
  } catch (error) {
    if (error instanceof ControlError) throw new CommandFailure(error.message);
    throw error;
  }
}

export const reload: Command = {
  words: ['reload'],
  usage: 'reload [--json]',
  summary: 'Have the running server read certificates, secrets in files and settings again, as SIGHUP does.',
  details: `
Taken up at once, for everything that is asked from then on: the certificates and keys of both doors, and
log_level, slow_request, trusted_proxies, proxy_secret, metrics_token, smtp_password and the webhook secret. No
connection is dropped. Everything else needs a restart; the answer names what has changed. Where anything is wrong,
everything stays as it was, and the exit code is 1. Variables of the server's environment cannot change.
`,
  async run(args) {
    const parsed = parse(args, {}, 0);
    const outcome = (await asked(settingsFrom(parsed), 'reload', {})) as Reloaded;
    if (!outcome.ok)
      throw new CommandFailure(`Not reloaded; everything stays as it was.\n${outcome.problem}`);
    const { applied, restart } = outcome;
    tell(parsed.json, { applied, restart }, [
      'Certificates and secrets were read again.',
      ...(applied.length > 0 ? [`Changed: ${applied.join(', ')}`] : []),
      ...(restart.length > 0 ? [`Needs a restart: ${restart.join(', ')}`] : []),
    ]);
    return 0;
  },
};

export const logLevel: Command = {
  words: ['log-level'],
  usage: 'log-level debug|info|warn|error [--json]',
  summary: 'Have the running server log from this level on, until the next reload or restart.',
  async run(args) {
    const parsed = parse(args, {}, 1);
    const answer = await asked(settingsFrom(parsed), 'log.level', { level: parsed.positionals[0] });
    tell(parsed.json, answer, [`It logs from ${parsed.positionals[0]} on.`]);
    return 0;
  },
};
