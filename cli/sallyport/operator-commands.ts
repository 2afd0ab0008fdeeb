/** The operator's commands. They bring the whole server with them, so whoever records does not wait for them. */
import { accountCommands } from './accounts.ts';
import { backupCommand } from './backup/backup.ts';
import { restoreCommand } from './backup/restore.ts';
import { blobCommands } from './blobs.ts';
import { bootstrapSecret } from './bootstrap-secret.ts';
import { checkConfig } from './check-config.ts';
import type { Command } from './command.ts';
import { doctorCommand } from './doctor/doctor.ts';
import { exposure } from './exposure.ts';
import { lettingGoCommands } from './letting-go.ts';
import { logCommands } from './log-commands.ts';
import { proxyConfig } from './proxy-config.ts';
import { reloadCommands } from './reload.ts';
import { rotateSecretKey } from './rotate-secret-key.ts';
import { routes } from './routes.ts';
import { serveCommand } from './serve.ts';

export const operatorCommands: readonly Command[] = [
  serveCommand,
  ...accountCommands,
  bootstrapSecret,
  checkConfig,
  routes,
  ...reloadCommands,
  proxyConfig,
  exposure,
  rotateSecretKey,
  backupCommand,
  restoreCommand,
  doctorCommand,
  ...blobCommands,
  ...lettingGoCommands,
  ...logCommands,
];
