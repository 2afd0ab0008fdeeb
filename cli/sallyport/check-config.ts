/** `sallyport check-config` */
import { describeSettings, publicOrigin, settingsWarnings } from '../../src/core/settings.ts';
import { type Command, parse, say, tell } from './command.ts';
import { settingsFrom } from './operator.ts';

export const checkConfig: Command = {
  words: ['check-config'],
  usage: 'check-config [--json]',
  summary: 'Check the settings and show those in force, secrets hidden; starts nothing.',
  run(args) {
    const parsed = parse(args, {}, 0);
    const settings = settingsFrom(parsed);
    const rows = describeSettings(settings);
    tell(
      parsed.json,
      rows,
      rows.map(({ name, value, source }) => `${name} = ${value} (${source})`),
    );
    for (const warning of settingsWarnings(settings, publicOrigin(settings))) say(`Warning: ${warning}`);
    return 0;
  },
};
