/** The commands of the evidence half, besides `verify`. */

import type { Command } from '../command.ts';
import { captureCommand } from './capture.ts';
import { openCommand } from './open.ts';
import { loginCommand, logoutCommand } from './session-commands.ts';
import { streamCommands } from './stream-commands.ts';

export const evidenceCommands: readonly Command[] = [
  loginCommand,
  logoutCommand,
  captureCommand,
  openCommand,
  ...streamCommands,
];
