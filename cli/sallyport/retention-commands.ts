/** `sallyport operator …`: what deletions and retention are about to do, as JSON. Nothing is changed. */
import { type Command, parse } from './command.ts';
import { perform, settingsFrom } from './operator.ts';

function reading(name: string, summary: string, details: string): Command {
  return {
    words: ['operator', name],
    usage: `operator ${name}`,
    summary,
    details,
    async run(args) {
      const answer = await perform(settingsFrom(parse(args, {}, 0)), name, {});
      process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
      return 0;
    },
  };
}

export const retentionCommands: readonly Command[] = [
  reading(
    'retention-preview',
    'Show, as JSON, what the retention settings would delete and forget now.',
    `
For each rule: how long is kept (retention_seconds, 0 is for ever), what has ended before when is due (due_before),
how many are due and the ids of the first hundred. Open incidents are never due.
`,
  ),
  reading(
    'deletion-status',
    'Show, as JSON, how far the deletion of incidents is.',
    `
How many incidents are in which state of deletion, and the hundred oldest decisions that are not carried out: how many
chunks are left, how often it failed and why.
`,
  ),
];
