/**
 * The operator's commands on the machine itself. A running server answers them on its control socket; without one
 * the command opens the database itself. Both run this table.
 */
import type { Origin } from '../src/core/audit.ts';
import { migrateSome, placeOf } from '../src/core/blob-migration.ts';
import type { Deps } from '../src/core/deps.ts';
import { errorFields, Fault, storageTrouble } from '../src/core/faults.ts';
import {
  changeRole,
  createAccount,
  disableAccount,
  enableAccount,
  resetFactors,
  resetPassword,
  revokeSessions,
} from '../src/core/operator-accounts.ts';
import { deletionStatus, retentionStatus } from '../src/core/operator-incidents.ts';
import { checkpointFacts, logConsistency, logFacts, logProof } from '../src/core/operator-log.ts';
import { cleanUp, pasteStats } from '../src/core/operator-pastes.ts';
import { accountView } from '../src/handlers/kit/account-view.ts';
import { answerOf } from '../src/handlers/kit/errors.ts';
import type { Account } from '../src/store/accounts.ts';
import type { ControlCommands } from './control.ts';
import { isRecord } from './control-protocol.ts';
import { StartError } from './listener.ts';

const LOCAL: Origin = { listener: 'local', actorKind: 'operator' };

/** What a command needs of the server. */
export type OperatorDeps = Deps;

/** A refusal in the words that the wire has for it, as a sentence; trouble with storage in those of a start. */
function inWords(thrown: unknown, command: string, { log, settings }: OperatorDeps): Error {
  if (thrown instanceof StartError) return thrown;
  if (thrown instanceof Fault) {
    const text = thrown.detail.message ?? answerOf(thrown.kind).message;
    return new Error(`${text.charAt(0).toUpperCase()}${text.slice(1)}.`);
  }
  const trouble = storageTrouble(thrown);
  const fields = errorFields(thrown);
  log.write('error', "an operator's command failed", { task: command, ...fields });
  if (trouble === undefined) return new Error(`The command failed (${fields.error_type}). Please report it.`);
  const where = settings.database.kind === 'file' ? 'the disk under the database' : 'the libSQL server';
  const store = settings.blobs.s3 === undefined ? '' : ' and at the object store';
  return new Error(
    `Storage failed (${trouble}). Look at ${where}${store}, and for "storage is in trouble" in the log of the server; then try again.`,
  );
}

async function accountOf(deps: OperatorDeps, name: unknown): Promise<Account> {
  const text = typeof name === 'string' ? name.trim() : '';
  const found =
    (await deps.store.accounts.byId(text)) ??
    (await deps.store.accounts.byUsername(text.toLowerCase()))?.account;
  if (found === undefined) throw new Fault('account_not_found');
  return found;
}

type Command = (args: Readonly<Record<string, unknown>>) => Promise<unknown>;

/** The table, over the ports of a server or of a command that runs without one. */
export function operatorCommands(deps: OperatorDeps): ControlCommands {
  const changed = ({ account, sessionsRevoked }: { account: Account; sessionsRevoked: number }) => ({
    account: accountView(account),
    sessions_revoked: sessionsRevoked,
  });
  const idOf = async (args: Readonly<Record<string, unknown>>) => (await accountOf(deps, args.account)).id;
  const commands: Readonly<Record<string, Command>> = {
    'account.create': async ({ username, password, role }) => ({
      account: accountView(await createAccount(deps, LOCAL, { username, password, role })),
    }),
    'account.disable': async (args) =>
      changed(await disableAccount(deps, LOCAL, undefined, await idOf(args))),
    'account.enable': async (args) => changed(await enableAccount(deps, LOCAL, await idOf(args))),
    'account.role': async (args) => changed(await changeRole(deps, LOCAL, await idOf(args), args.role)),
    'account.reset-password': async (args) =>
      changed(await resetPassword(deps, LOCAL, await idOf(args), args.password)),
    'account.revoke-sessions': async (args) => ({
      sessions_revoked: await revokeSessions(deps, LOCAL, await idOf(args)),
    }),
    'account.recover': async (args) => {
      const reset = await resetFactors(deps, LOCAL, await idOf(args), args.reason);
      return { account: accountView(reset.account), sessions_revoked: reset.sessionsRevoked };
    },
    'bootstrap-secret': async () => {
      if (await deps.store.accounts.adminExists()) throw new Fault('bootstrap_closed');
      return { secret: (await deps.bootstrap.current()) ?? null };
    },
    stats: async () => pasteStats(deps),
    cleanup: async () => cleanUp(deps, LOCAL),
    'retention-preview': async () => retentionStatus(deps),
    'deletion-status': async () => deletionStatus(deps),
    log: async () => {
      const { verifier, entries, latest } = await logFacts(deps);
      return {
        verifier_key: verifier ?? null,
        entries,
        checkpoint: latest === undefined ? null : checkpointFacts(latest),
      };
    },
    'blobs.status': async () => ({ new_chunks: placeOf(deps), ...(await deps.store.chunkMoves.census()) }),
    'blobs.migrate': async ({ to, after }) =>
      migrateSome(deps, to === 'objects' ? to : 'database', typeof after === 'string' ? after : undefined),
    'log.consistency': async ({ from, to }) => logConsistency(deps, from, to),
    'log.proof': async ({ index }) => logProof(deps, index),
  };
  return Object.fromEntries(
    Object.entries(commands).map(([name, run]) => [
      name,
      async (args: unknown) => {
        try {
          return await run(isRecord(args) ? args : {});
        } catch (thrown) {
          throw inWords(thrown, name, deps);
        }
      },
    ]),
  );
}
