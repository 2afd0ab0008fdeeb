/** `sallyport doctor` */
import { asItIs } from '../../../runtime/as-it-is.ts';
import { callControl } from '../../../runtime/control-client.ts';
import { ControlError } from '../../../runtime/control-protocol.ts';
import { type DoctorCheck, examine, VISIT } from '../../../runtime/doctor.ts';
import { StartError } from '../../../runtime/listener.ts';
import type { Finding } from '../../../src/core/health.ts';
import type { Settings } from '../../../src/core/settings.ts';
import { controlFailure } from '../backup/snapshot.ts';
import { type Command, say, tell } from '../command.ts';
import { ending } from '../evidence/ending.ts';
import { type Given, type Option, optionHelp, readOptions } from '../evidence/options.ts';
import { settingsFrom } from '../operator.ts';
import { examineFiles } from './files.ts';

/** One check of a large database may take hours. */
const PATIENCE_MS = 24 * 60 * 60_000;

const OPTIONS: readonly Option[] = [
  { name: 'digests', help: 'read the bytes of every chunk too, and hold them against their digests' },
  { name: 'config', value: 'FILE', help: 'the settings of the server' },
  { name: 'json', help: 'print the findings as JSON' },
  { name: 'quiet', help: 'print what is not as it should be, and nothing else' },
];

const DETAILS = `
Looks whether everything is as it should be, and changes nothing: the modes and owners of the data directory and the
keys; the schema; that the database belongs to the secret key; every page, index and reference of the database; bytes
without a row and rows without their bytes, in an object store too; quotas and counters against what is there; the log against its checkpoints;
the clock; the write-ahead log; open files and room on the disk. A running server is asked to look itself, and goes on
serving; without one the database is opened here.
${optionHelp([['Options', OPTIONS]])}
Exit codes: 0 all is well, 1 something is wrong, or could not be looked at because there is no database, 2 usage, 3 the
server does not answer. Warnings and notes do not change it.
`;

export const doctorCommand: Command = {
  words: ['doctor'],
  usage: 'doctor [--digests] [--json]',
  summary: 'Look whether the data, the files around it and this machine are as they should be.',
  details: DETAILS,
  run: (args) => ending(args, () => doctor(readOptions(args, OPTIONS, [0, 0]))),
};

const MARKS: Readonly<Record<Finding['level'], string>> = {
  ok: 'ok      ',
  note: 'note    ',
  warning: 'WARNING ',
  wrong: 'WRONG   ',
  unknown: 'unknown ',
};

async function doctor(given: Given): Promise<number> {
  const settings = settingsFrom({ values: { config: given.value('config') } });
  const findings: Finding[] = [];
  const add = (found: readonly Finding[]) => {
    findings.push(...found);
    if (given.has('json')) return;
    for (const { level, check, message } of found)
      if (!given.has('quiet') || level === 'wrong' || level === 'warning')
        process.stdout.write(`${MARKS[level]}${check.padEnd(12)} ${message}\n`);
  };
  // First: who opens a database sets the modes of its files right.
  add(examineFiles(settings));
  const checks: readonly DoctorCheck[] = given.has('digests') ? [...VISIT, 'digests'] : VISIT;
  try {
    await visit(settings, checks, add);
  } catch (error) {
    if (!(error instanceof StartError) && !(error instanceof ControlError)) throw error;
    if (error instanceof ControlError && error.problem === 'broken') throw controlFailure(error);
    add([{ check: 'database', level: 'wrong', message: error.message }]);
  }
  const wrong = findings.filter(({ level }) => level === 'wrong').length;
  const verdict = wrong > 0 ? 'wrong' : 'well';
  if (given.has('json')) tell(true, { verdict, findings }, []);
  else if (!given.has('quiet')) say(summary(findings));
  return wrong > 0 ? 1 : 0;
}

/** What a person reads last. */
function summary(findings: readonly Finding[]): string {
  const count = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length;
  const [wrong, warnings, unknown] = [count('wrong'), count('warning'), count('unknown')];
  if (wrong > 0) return `Wrong: ${wrong}. What to do about each check is in docs/operations.md.`;
  const open = [
    ...(warnings > 0 ? [`warnings: ${warnings}`] : []),
    ...(unknown > 0 ? [`not looked at: ${unknown}`] : []),
  ];
  return open.length === 0 ? 'All is well.' : `Nothing is wrong; ${open.join(', ')}.`;
}

/** Has the running server do the checks, or does them here. */
async function visit(
  settings: Settings,
  checks: readonly DoctorCheck[],
  add: (found: readonly Finding[]) => void,
): Promise<void> {
  const ask = (check: DoctorCheck) =>
    callControl(settings.dataDir, 'doctor', { check }, { timeoutMs: PATIENCE_MS });
  let first: unknown;
  try {
    first = await ask('schema');
  } catch (error) {
    if (!(error instanceof ControlError) || error.problem !== 'no_server') throw error;
    await asItIs(settings, async (db) => {
      for (const check of checks) add(await examine({ db, settings }, check));
    });
    return;
  }
  add(first as readonly Finding[]);
  for (const check of checks) if (check !== 'schema') add((await ask(check)) as readonly Finding[]);
}
