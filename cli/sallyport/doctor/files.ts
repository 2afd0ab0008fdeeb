/** What `sallyport doctor` looks at on the disk, before anything is opened: opening a database mends its mode. */
import { lstatSync, readdirSync, type Stats, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { restoringFolder } from '../../../runtime/storage.ts';
import type { Finding, FindingLevel } from '../../../src/core/health.ts';
import type { Settings } from '../../../src/core/settings.ts';
import { errorCode } from '../../shared/failure.ts';

/** Files whose content is nobody else's business. */
const SECRET_NAME =
  /^(secret-key|checkpoint-key|database-encryption-key|bootstrap-secret|control\.sock|server\.lock|snapshot-)/;
/** What opening a database sets right by itself. */
const MENDED = /\.db(-wal|-shm)?$/;

const mode = (facts: Stats) => (facts.mode & 0o777).toString(8).padStart(4, '0');

/** Modes and owners of the data directory and of what lies in it. */
export function examineFiles({ dataDir, database }: Settings): readonly Finding[] {
  const found: Finding[] = [];
  const say = (level: FindingLevel, message: string) => found.push({ check: 'permissions', level, message });
  if (process.platform === 'win32') {
    say('unknown', 'Who may read the data directory is not looked at on Windows.');
    return found;
  }
  const dir = resolve(dataDir);
  try {
    const facts = statSync(dir);
    if ((facts.mode & 0o077) !== 0)
      say('wrong', `${dir} is open to others (${mode(facts)}): chmod 700 ${dir}`);
    const paths = readdirSync(dir)
      .filter((name) => SECRET_NAME.test(name))
      .map((name) => join(dir, name));
    if (database.kind === 'file') {
      const file = resolve(database.path);
      paths.push(file, `${file}-wal`, `${file}-shm`);
      folderOf(file, dir, say);
      if (lstatSync(restoringFolder(file), { throwIfNoEntry: false }) !== undefined)
        say('wrong', `A restore left ${restoringFolder(file)}: run it again, or remove that folder.`);
    }
    for (const path of paths) examineFile(path, facts.uid, say);
  } catch (error) {
    say('wrong', `${dir} cannot be looked at (${errorCode(error)}). Check SAFE_DATA_DIR and who runs this.`);
  }
  if (found.every(({ level }) => level === 'note'))
    say('ok', 'The data directory and the keys are closed to others.');
  return found;
}

/** Whoever may write beside a database can put another one in its place. */
function folderOf(file: string, dir: string, say: (level: FindingLevel, message: string) => void): void {
  const folder = dirname(file);
  const facts = folder === dir ? undefined : statSync(folder, { throwIfNoEntry: false });
  if (facts !== undefined && (facts.mode & 0o022) !== 0)
    say('wrong', `${folder}, where the database lies, can be written by others (${mode(facts)}).`);
}

function examineFile(path: string, owner: number, say: (level: FindingLevel, message: string) => void): void {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  if (facts === undefined) return;
  if (facts.isSymbolicLink()) {
    say('note', `${path} is a symbolic link.`);
    return;
  }
  if ((facts.mode & 0o077) !== 0) {
    const mended = MENDED.test(path) ? ' A start sets it right.' : '';
    say('wrong', `${path} is open to others (${mode(facts)}): chmod 600 ${path}${mended}`);
  }
  if (facts.uid !== owner)
    say('warning', `${path} belongs to another user (${facts.uid}) than the data directory (${owner}).`);
  if (/\/secret-key\.old$/.test(path))
    say('note', `${path} is the secret key of before: remove it once the new one is backed up.`);
}
