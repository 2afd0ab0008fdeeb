/** The commands of the evidence half, besides `verify`. */

import type { Command } from '../command.ts';
import { captureCommand } from './capture.ts';
import {
  keysLostCommand,
  keysRegisterCommand,
  keysRevokeCommand,
  keysRotateCommand,
} from './keys-commands.ts';
import { keysListCommand } from './keys-list.ts';
import { keysNewCommand } from './keys-new.ts';
import { openCommand } from './open.ts';
import { loginCommand, logoutCommand } from './session-commands.ts';
import { shareCommand } from './share.ts';
import { streamCommands } from './stream-commands.ts';

export const evidenceCommands: readonly Command[] = [
  loginCommand,
  logoutCommand,
  captureCommand,
  openCommand,
  keysNewCommand,
  keysRegisterCommand,
  keysRotateCommand,
  keysLostCommand,
  keysRevokeCommand,
  keysListCommand,
  shareCommand,
  ...streamCommands,
];
