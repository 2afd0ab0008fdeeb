/** `sallyport bootstrap-secret` */
import { type Command, CommandFailure, parse, tell } from './command.ts';
import { perform, settingsFrom } from './operator.ts';

export const bootstrapSecret: Command = {
  words: ['bootstrap-secret'],
  usage: 'bootstrap-secret [--json]',
  summary: 'Show the one-time secret with which the first admin is made at /admin.',
  async run(args) {
    const parsed = parse(args, {}, 0);
    const answer = (await perform(settingsFrom(parsed), 'bootstrap-secret', {})) as { secret: string | null };
    if (answer.secret === null) {
      throw new CommandFailure('There is none: start the server once, or set SAFE_AUTH_BOOTSTRAP_SECRET.');
    }
    tell(parsed.json, answer, [answer.secret]);
    return 0;
  },
};
