/** Every command, by the first word of its name, as `--help` lists them. A command waits for its own module alone. */
import type { Command } from './command.ts';

type Load = () => Promise<readonly Command[]>;

const LOADERS: ReadonlyMap<string, Load> = new Map<string, Load>([
  ['serve', async () => [(await import('./serve.ts')).serveCommand]],
  ['account', async () => (await import('./accounts.ts')).accountCommands],
  ['bootstrap-secret', async () => [(await import('./bootstrap-secret.ts')).bootstrapSecret]],
  ['check-config', async () => [(await import('./check-config.ts')).checkConfig]],
  ['routes', async () => [(await import('./routes.ts')).routes]],
  ['reload', async () => [(await import('./reload.ts')).reload]],
  ['log-level', async () => [(await import('./reload.ts')).logLevel]],
  ['proxy-config', async () => [(await import('./proxy-config.ts')).proxyConfig]],
  ['exposure', async () => [(await import('./exposure.ts')).exposure]],
  ['rotate-secret-key', async () => [(await import('./rotate-secret-key.ts')).rotateSecretKey]],
  ['backup', async () => [(await import('./backup/backup.ts')).backupCommand]],
  ['restore', async () => [(await import('./backup/restore.ts')).restoreCommand]],
  ['doctor', async () => [(await import('./doctor/doctor.ts')).doctorCommand]],
  ['blobs', async () => (await import('./blobs.ts')).blobCommands],
  ['operator', async () => (await import('./retention-commands.ts')).retentionCommands],
  ['log', async () => (await import('./log-commands.ts')).logCommands],
  ['login', async () => [(await import('./evidence/session-commands.ts')).loginCommand]],
  ['logout', async () => [(await import('./evidence/session-commands.ts')).logoutCommand]],
  ['capture', async () => [(await import('./evidence/capture.ts')).captureCommand]],
  ['open', async () => [(await import('./evidence/open.ts')).openCommand]],
  [
    'keys',
    async () => {
      const [made, { keysRegisterCommand, keysRotateCommand, ...ended }, listed] = await Promise.all([
        import('./evidence/keys-new.ts'),
        import('./evidence/keys-commands.ts'),
        import('./evidence/keys-list.ts'),
      ]);
      const { keysLostCommand, keysRevokeCommand } = ended;
      return [
        made.keysNewCommand,
        keysRegisterCommand,
        keysRotateCommand,
        keysLostCommand,
        keysRevokeCommand,
        listed.keysListCommand,
      ];
    },
  ],
  ['share', async () => [(await import('./evidence/share.ts')).shareCommand]],
  ['stream', async () => (await import('./evidence/stream-commands.ts')).streamCommands],
  ['verify', async () => [(await import('./verify.ts')).verifyCommand]],
  ['status', async () => [(await import('./status.ts')).statusCommand]],
]);

/** The commands whose names start with that word; none when it is no command's. */
export async function commandsCalled(word: string): Promise<readonly Command[]> {
  return (await LOADERS.get(word)?.()) ?? [];
}

/** All of them. */
export async function everyCommand(): Promise<readonly Command[]> {
  return (await Promise.all([...LOADERS.values()].map((load) => load()))).flat();
}
