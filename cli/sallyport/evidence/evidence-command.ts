/** A command of the evidence half as a value: from its options come parsing and `--help` alike. */

import { processWorld, type World } from '../../shared/world.ts';
import type { Command } from '../command.ts';
import { EXIT_HELP, ending } from './ending.ts';
import { type Given, type OptionGroup, optionHelp, readOptions } from './options.ts';

export interface EvidenceCommand extends Pick<Command, 'words' | 'usage' | 'summary'> {
  /** What `--help` says before the options: whole lines. */
  readonly details: string;
  /** As `--help` shows them. */
  readonly options: readonly OptionGroup[];
  /** How many words it takes beside its options, at least and at most. */
  readonly positionals: readonly [least: number, most: number];
  /** Answers an exit code. A failure that it throws is told, and becomes one. */
  run(world: World, given: Given): Promise<number>;
}

export function evidenceCommand(spec: EvidenceCommand): Command {
  const { words, usage, summary, details, options, positionals } = spec;
  const known = options.flatMap(([, some]) => some);
  return {
    words,
    usage,
    summary,
    details: `${details}${optionHelp(options)}${EXIT_HELP}`,
    run: (args) => ending(args, () => spec.run(processWorld(), readOptions(args, known, positionals))),
  };
}
