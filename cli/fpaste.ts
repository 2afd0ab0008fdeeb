/** The command line client: seals, uploads, fetches and opens pastes. docs/cli.md describes it. */

import { main } from './fpaste/main.ts';
import { watchSignals } from './shared/cleanup.ts';
import { processWorld } from './shared/world.ts';

// A link on the command line has a key in it; from here on `ps` does not show it.
process.title = 'fpaste';
watchSignals();
// Reported by the write that meets it.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
void main(processWorld()).then((code) => process.exit(code));
