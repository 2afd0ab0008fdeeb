/** `sallyport status`: whether the server of this machine runs and can work, for people, containers and scripts. */
import { type Command, parse, say, tell } from './command.ts';

/** How long each of two answers may take, in milliseconds. */
const PATIENCE_MS = 20_000;

const DETAILS = `
Asks the server on its control socket in the data directory, so it takes the user who runs the server, or root, on the
same machine; no route and no network are involved. It is well when it answers, its doors are open, and its database can
be read and has the schema of this version.

  --quiet        say nothing when all is well
  --config FILE  the settings of the server
  --json         print what it says as JSON

Exit codes: 0 it runs and can work, 1 it does not, 2 usage or settings.
`;

interface Status {
  /** What stands in the way; absent when nothing does. */
  readonly problem?: string;
  readonly pid?: number;
  readonly version?: string;
  /** ISO 8601. */
  readonly since?: string;
}

/** What the owner of a data directory says of itself. Never throws for what a server can be. */
async function ask(dataDir: string): Promise<Status> {
  const { callControl } = await import('../../runtime/control-client.ts');
  const { ControlError, isRecord } = await import('../../runtime/control-protocol.ts');
  const limit = { timeoutMs: PATIENCE_MS };
  let owner: Status = {};
  try {
    const said = await callControl(dataDir, 'whoami', null, limit);
    if (isRecord(said)) {
      const { pid, version, since } = said;
      owner = { pid: Number(pid), version: String(version), since: String(since) };
    }
    const found = await callControl(dataDir, 'doctor', { check: 'schema' }, limit);
    const [finding] = Array.isArray(found) ? (found as readonly unknown[]) : [];
    if (isRecord(finding) && finding.level === 'ok') return owner;
    const problem = isRecord(finding) ? String(finding.message) : 'It does not say how its database is.';
    return { ...owner, problem };
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    // The owner answers before its doors are open, and knows nothing but its name then.
    const starting = error.problem === 'refused' && owner.pid !== undefined;
    return { ...owner, problem: starting ? 'It is starting: its doors are not open yet.' : error.message };
  }
}

export const statusCommand: Command = {
  words: ['status'],
  usage: 'status [--quiet] [--json]',
  summary: 'Say whether the server of this machine runs and can work.',
  details: DETAILS,
  async run(args) {
    const parsed = parse(args, { quiet: false }, 0);
    const { settingsFrom } = await import('./operator.ts');
    const status = await ask(settingsFrom(parsed).dataDir);
    const { problem, pid, version, since } = status;
    if (parsed.json) tell(true, { running: problem === undefined, ...status }, []);
    else if (problem !== undefined) say(problem);
    else if (parsed.values.quiet !== true)
      tell(false, status, [`Sallyport ${version} runs as process ${pid} since ${since}.`]);
    return problem === undefined ? 0 : 1;
  },
};
