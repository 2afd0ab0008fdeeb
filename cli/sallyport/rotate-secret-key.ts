/** `sallyport rotate-secret-key` */
import { randomBytes } from 'node:crypto';
import { ControlError } from '../../runtime/control-protocol.ts';
import { StartError } from '../../runtime/listener.ts';
import { offline } from '../../runtime/offline.ts';
import { adoptKeyFile, stageKeyFile } from '../../runtime/secrets.ts';
import { changeKey } from '../../src/core/secret-key.ts';
import { type Command, CommandFailure, parse, tell } from './command.ts';
import { settingsFrom } from './operator.ts';

export const rotateSecretKey: Command = {
  words: ['rotate-secret-key'],
  usage: 'rotate-secret-key [--json]',
  summary:
    'Replace the server’s secret key; what was sealed with it is sealed anew. The server must be stopped.',
  details: `
The new key is written to secret-key in the data directory; the old one is kept beside it as secret-key.old until
you remove it. Where SAFE_SECRET_KEY is set, the new key is written to secret-key.new, and you put it in place of
the old one before the next start. Proof-of-work challenges and the memory of repeated creates end with the old key;
links, delete tokens, passwords and sessions stay good.
`,
  async run(args) {
    const parsed = parse(args, {}, 0);
    const settings = settingsFrom(parsed);
    const next = new Uint8Array(randomBytes(32));
    const given = settings.secretKey !== undefined;
    try {
      const { seeds, mails, mailsGivenUp } = await offline(settings, async ({ deps, keys }) => {
        // On disk before the database needs it: a crash in between must not lose the only copy.
        stageKeyFile(settings.dataDir, next);
        const outcome = await changeKey(deps, keys, next);
        if (outcome.kind === 'raced')
          throw new CommandFailure('Something else wrote at the same time; try again.');
        if (outcome.kind === 'seed_does_not_open') {
          throw new CommandFailure(
            `The seed of factor ${outcome.factorId} does not open under the present key. Reset that account first: sallyport account recover.`,
          );
        }
        return outcome;
      });
      const path = given ? undefined : adoptKeyFile(settings.dataDir);
      const answer = {
        seeds_resealed: seeds,
        mails_resealed: mails,
        mails_given_up: mailsGivenUp,
        key_file: path ?? 'secret-key.new',
      };
      tell(parsed.json, answer, [
        `The secret key is a new one; sealed anew: ${seeds} TOTP seeds, ${mails} mails that wait to be sent.`,
        ...(mailsGivenUp
          ? ['More mails waited. They are given up: whoever waits for one must ask again.']
          : []),
        given
          ? 'Put the key in secret-key.new (data directory) in place of the old one before the next start.'
          : `It lies in ${path}. Back it up, then remove secret-key.old.`,
      ]);
      return 0;
    } catch (error) {
      if (error instanceof ControlError || error instanceof StartError)
        throw new CommandFailure(error.message);
      throw error;
    }
  },
};
