/** `sallyport account …` */
import { randomBytes } from 'node:crypto';
import { RECOVERY_REASONS } from '../../src/core/operator-accounts.ts';
import { type Command, parse, tell, UsageError } from './command.ts';
import { perform, settingsFrom } from './operator.ts';
import { readPassword } from './password.ts';

interface ViewedAccount {
  readonly id: string;
  readonly username: string;
  readonly role: string;
  readonly account_state: string;
}

interface Answer {
  readonly account?: ViewedAccount;
  readonly sessions_revoked?: number;
}

function lines({ account, sessions_revoked: revoked }: Answer, done: string): string[] {
  const told =
    account === undefined ? done : `${account.username} (${account.role}, ${account.account_state}): ${done}`;
  return revoked === undefined ? [told] : [told, `Sessions ended: ${revoked}`];
}

const PASSWORD_DETAILS = `
  --password-file FILE  read the password from a file ("-" for standard input)
  --generate            make one, and show it once

Without either, it is asked on the terminal.
`;

/** A password from wherever the options say, and whether it must be shown. */
async function passwordFor(values: Readonly<Record<string, string | boolean | undefined>>) {
  if (values.generate === true) return { password: randomBytes(18).toString('base64url'), shown: true };
  const file = values['password-file'];
  return { password: await readPassword(typeof file === 'string' ? file : undefined), shown: false };
}

const create: Command = {
  words: ['account', 'create'],
  usage: 'account create USERNAME [--role user|admin] [--password-file FILE | --generate] [--json]',
  summary: 'Make an account; its second factor is set up at its first login.',
  details: PASSWORD_DETAILS,
  async run(args) {
    const parsed = parse(args, { role: true, 'password-file': true, generate: false }, 1);
    const settings = settingsFrom(parsed);
    const { password, shown } = await passwordFor(parsed.values);
    const [username] = parsed.positionals;
    const role = parsed.values.role ?? 'user';
    const answer = (await perform(settings, 'account.create', { username, password, role })) as Answer;
    const value = shown ? { ...answer, password } : answer;
    tell(parsed.json, value, [...lines(answer, 'made.'), ...(shown ? [`Password: ${password}`] : [])]);
    return 0;
  },
};

const resetPassword: Command = {
  words: ['account', 'reset-password'],
  usage: 'account reset-password ACCOUNT [--password-file FILE | --generate] [--json]',
  summary: 'Set a new password; every session of the account ends.',
  details: PASSWORD_DETAILS,
  async run(args) {
    const parsed = parse(args, { 'password-file': true, generate: false }, 1);
    const settings = settingsFrom(parsed);
    const { password, shown } = await passwordFor(parsed.values);
    const [account] = parsed.positionals;
    const answer = (await perform(settings, 'account.reset-password', { account, password })) as Answer;
    const value = shown ? { ...answer, password } : answer;
    tell(parsed.json, value, [
      ...lines(answer, 'has a new password.'),
      ...(shown ? [`Password: ${password}`] : []),
    ]);
    return 0;
  },
};

/** The commands that take an account and nothing else. */
function simple(name: string, summary: string, done: string): Command {
  return {
    words: ['account', name],
    usage: `account ${name} ACCOUNT [--json]`,
    summary,
    details: '\nACCOUNT is a username or an id.\n',
    async run(args) {
      const parsed = parse(args, {}, 1);
      const answer = (await perform(settingsFrom(parsed), `account.${name}`, {
        account: parsed.positionals[0],
      })) as Answer;
      tell(parsed.json, answer, lines(answer, done));
      return 0;
    },
  };
}

const role: Command = {
  words: ['account', 'role'],
  usage: 'account role ACCOUNT user|admin [--json]',
  summary: 'Change a role; the sessions of the account end.',
  async run(args) {
    const parsed = parse(args, {}, 2);
    const [account, wanted] = parsed.positionals;
    const answer = (await perform(settingsFrom(parsed), 'account.role', { account, role: wanted })) as Answer;
    tell(parsed.json, answer, lines(answer, 'has its role.'));
    return 0;
  },
};

const recover: Command = {
  words: ['account', 'recover'],
  usage: 'account recover ACCOUNT --reason REASON [--json]',
  summary: 'Take every second factor and session away, so that the account sets up anew.',
  details: `\nREASON is one of: ${RECOVERY_REASONS.join(', ')}\n`,
  async run(args) {
    const parsed = parse(args, { reason: true }, 1);
    const { reason } = parsed.values;
    if (!RECOVERY_REASONS.some((known) => known === reason))
      throw new UsageError(`--reason is one of: ${RECOVERY_REASONS.join(', ')}`);
    const [account] = parsed.positionals;
    const answer = (await perform(settingsFrom(parsed), 'account.recover', { account, reason })) as Answer;
    tell(parsed.json, answer, lines(answer, 'sets up its second factor anew.'));
    return 0;
  },
};

export const accountCommands: readonly Command[] = [
  create,
  simple('disable', 'Shut an account; its sessions end.', 'shut.'),
  simple('enable', 'Open an account again.', 'open.'),
  role,
  resetPassword,
  simple('revoke-sessions', 'End every session of an account.', 'Its sessions have ended.'),
  recover,
];
