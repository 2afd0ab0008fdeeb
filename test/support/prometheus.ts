/** A real Prometheus on loopback, which scrapes a private door. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import { tempDir } from './temp.ts';

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Prometheus {
  /** Every sample of an instant query; rejects with what Prometheus says of one that it does not take. */
  query(expression: string): Promise<readonly Sample[]>;
  get(path: string): Promise<unknown>;
  close(): Promise<void>;
}

export interface PrometheusPlan {
  readonly program: string;
  /** `127.0.0.1:port` of the private door. */
  readonly target: string;
  readonly token: string;
  readonly rules: string;
}

/** Starts it, with a scrape every second, and waits until it answers. */
export async function startPrometheus({
  program,
  target,
  token,
  rules,
}: PrometheusPlan): Promise<Prometheus> {
  const dir = await tempDir();
  const port = await freePort();
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [rules],
    scrape_configs: [
      {
        job_name: 'sallyport',
        authorization: { credentials: token },
        static_configs: [{ targets: [target] }],
      },
    ],
  };
  const file = join(dir.path, 'prometheus.yml');
  // JSON is YAML.
  await writeFile(file, JSON.stringify(config));
  const args = [`--config.file=${file}`, `--storage.tsdb.path=${join(dir.path, 'data')}`];
  const child = spawn(program, [...args, `--web.listen-address=127.0.0.1:${port}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  let wake = () => {};
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    wake();
  });
  const gone = once(child, 'exit');
  while (!said.includes('Server is ready to receive web requests')) {
    if (child.exitCode !== null) throw new Error(`Prometheus did not start: ${said}`);
    const more = new Promise<void>((resolve) => {
      wake = resolve;
    });
    await Promise.race([more, gone]);
  }
  const get = async (path: string) => {
    const answer = (await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json()) as {
      readonly status: string;
      readonly error?: string;
      readonly data: unknown;
    };
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`);
    return answer.data;
  };
  return {
    get,
    async query(expression) {
      const { result } = (await get(`query?query=${encodeURIComponent(expression)}`)) as {
        readonly result: readonly {
          readonly metric: Sample['metric'];
          readonly value: readonly [number, string];
        }[];
      };
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    async close() {
      child.kill('SIGKILL');
      await gone;
      await dir.remove();
    },
  };
}
