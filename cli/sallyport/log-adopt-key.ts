/** `sallyport log adopt-key` */
import { ControlError } from '../../runtime/control-protocol.ts';
import { StartError } from '../../runtime/listener.ts';
import { type Command, CommandFailure, parse, tell } from './command.ts';
import { settingsFrom } from './operator.ts';

export const adoptKey: Command = {
  words: ['log', 'adopt-key'],
  usage: 'log adopt-key [--json]',
  summary:
    'Sign the log with this server’s key from now on, its own being lost. All servers must be stopped.',
  details: `
For when checkpoint-key is lost and no backup has it. The log goes on, and an entry in it says that the key changed;
but nobody can tell by signatures that it is the same log. Publish the new key, and say why: people who hold older
bundles, checkpoints and receipts need the old one to check them.
`,
  async run(args) {
    const parsed = parse(args, {}, 0);
    const settings = settingsFrom(parsed);
    // The other commands of this name do without the store.
    const [{ offline }, { adoptLog, claimLog }, { verifierKey }] = await Promise.all([
      import('../../runtime/offline.ts'),
      import('../../src/core/log.ts'),
      import('../../src/crypto/signed-note.ts'),
    ]);
    try {
      const { key, changed } = await offline(
        settings,
        async ({ deps }) => {
          const { signer, store } = deps;
          if (signer === undefined) throw new CommandFailure('There is no key in the data directory.');
          const ours = await claimLog(deps, store.log, signer);
          if (!ours) await adoptLog(deps, signer);
          return { key: verifierKey(signer), changed: !ours };
        },
        { anyLog: true },
      );
      tell(parsed.json, { verifier_key: key, changed }, [
        changed
          ? 'The log is signed with this key from now on. Publish it:'
          : 'The log is signed with this key already:',
        key,
      ]);
      return 0;
    } catch (error) {
      if (error instanceof ControlError || error instanceof StartError)
        throw new CommandFailure(error.message);
      throw error;
    }
  },
};
