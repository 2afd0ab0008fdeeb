/** The servers that benches start, each a process of its own, ended by whoever started it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RuntimeName, serverCommand } from '../../test/support/server.ts';

export type BareMode = 'take' | 'give' | 'append' | 'drive' | 'keep' | 'file';

export interface Bare extends AsyncDisposable {
  readonly url: string;
}

/** A bare server in a folder of its own. */
export async function startBare(mode: BareMode, runtime: RuntimeName = 'node'): Promise<Bare> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
  const [program] = serverCommand(runtime);
  const child = spawn(program, [join(import.meta.dirname, `bare-${runtime}.ts`), mode, folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [first] = (await Promise.race([once(child.stdout, 'data'), exited])) as [Buffer | number | null];
  if (!(first instanceof Buffer)) throw new Error('the bare server did not start');
  return {
    url: first.toString().trim(),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** No limits: what is measured is how fast it is, not how fast it lets one peer be. */
export const LIMITS_OFF = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
  SAFE_PASTE_DEDUP_MAX: '0',
} as const;
