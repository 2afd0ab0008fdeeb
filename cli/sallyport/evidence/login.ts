/**
 * Being somebody at a server: a session that is kept, renewed when the server does not take it any more, and never
 * shown. Passwords and codes come from the terminal or from files, never from arguments.
 */

import { readFile } from 'node:fs/promises';
import { errorCode, Failure, usage } from '../../shared/failure.ts';
import type { Answer } from '../../shared/http.ts';
import { askHidden, canAsk } from '../../shared/terminal.ts';
import type { World } from '../../shared/world.ts';
import type { Given } from './options.ts';
import {
  type Ask,
  membersOf,
  nonsense,
  objectIn,
  type Reply,
  refusalIn,
  type Service,
  textIn,
} from './service.ts';
import { keepSession, keptSession } from './session-file.ts';
import { setUpTotp } from './totp-setup.ts';

/** Where name, password and code come from. */
export interface Credentials {
  readonly username: string | undefined;
  readonly passwordFile: string | undefined;
  readonly totpFile: string | undefined;
}

/** What a command can use to be somebody. */
export interface Login {
  /** The account's name, once it is known. */
  username(): string | undefined;
  /** Asks as the account, once; throws `login_needed` when the server does not take the session. */
  once(ask: Ask): Promise<Reply>;
  /** Asks as the account, logging in when that is needed and possible, with a few retries. */
  asked(ask: Ask): Promise<Reply>;
  /** The same for long answers: see {@link Service.fetch}. */
  fetched(ask: Ask): Promise<Answer>;
  /**
   * Gets another session than the one that was refused: the one that another command has kept meanwhile, or a new
   * one. Throws `login_needed` when there is nobody to ask, and what the server says when it refuses.
   */
  renew(): Promise<void>;
  /** Takes over a session that another command has kept meanwhile. @returns whether there was one */
  adopt(): Promise<boolean>;
}

const FACTOR = 'v1/account/second-factor';
const TOKEN = /^[A-Za-z0-9_-]{20,200}$/;
const MOST_TRIES = 3;

/** The credentials that the options and the environment name. */
export function credentialsFrom(world: World, given: Given): Credentials {
  return {
    username: given.value('user') ?? (world.env.SALLYPORT_USER || undefined),
    passwordFile: given.value('password-file') ?? (world.env.SALLYPORT_PASSWORD_FILE || undefined),
    totpFile: given.value('totp-file'),
  };
}

/** Codes that say that another session is needed. */
const SESSION_CODES: ReadonlySet<string> = new Set([
  'authentication_required',
  'second_factor_verification_required',
  'second_factor_setup_required',
]);

/** Whether an answer means that another session is needed. */
function needsLogin(reply: Reply): boolean {
  return reply.status === 401 || (reply.code !== undefined && SESSION_CODES.has(reply.code));
}

function loginNeeded(why = 'The server wants a login.'): Failure {
  return new Failure('refused', 'login_needed', `${why} Run: sallyport login`);
}

/** @param say tells a person what is being asked for, and why */
export async function loginAt(
  world: World,
  service: Service,
  credentials: Credentials,
  say: (line: string) => void,
): Promise<Login> {
  const server = service.base.href;
  let kept = await keptSession(world, server, credentials.username);
  let refused: string | undefined;
  let renewing: Promise<void> | undefined;

  const adopt = async (): Promise<boolean> => {
    const found = await keptSession(world, server, credentials.username ?? kept?.username);
    if (found === undefined || found.token === refused) return false;
    kept = found;
    return true;
  };
  const renew = async (): Promise<void> => {
    if (await adopt()) return;
    const username = credentials.username ?? kept?.username;
    const fresh = await logIn(world, service, { ...credentials, username }, say);
    kept = fresh;
    await keepSession(world, fresh);
  };
  const once = async (ask: Ask): Promise<Reply> => {
    if (kept === undefined) throw loginNeeded('There is no session.');
    const { token } = kept;
    return checked(await service.once({ ...ask, token }), token);
  };
  const ended = (token: string): Failure => {
    refused = token;
    return loginNeeded('The session has ended, or was ended.');
  };
  const checked = (reply: Reply, token: string): Reply => {
    if (needsLogin(reply)) throw ended(token);
    return reply;
  };
  const single = (): Promise<void> => {
    renewing ??= renew().finally(() => {
      renewing = undefined;
    });
    return renewing;
  };
  /** With a session, and with another one where that is refused. */
  const insisting = async <T>(act: (token: string) => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      if (kept === undefined) await single();
      try {
        return await act(kept?.token ?? '');
      } catch (error) {
        if (!(error instanceof Failure) || error.code !== 'login_needed' || attempt >= MOST_TRIES)
          throw error;
        await single();
      }
    }
  };
  return {
    username: () => credentials.username ?? kept?.username,
    once,
    adopt,
    renew: single,
    asked: (ask) => insisting(async (token) => checked(await service.patient({ ...ask, token }), token)),
    fetched: (ask) =>
      insisting(async (token) => {
        try {
          return await service.fetch({ ...ask, token });
        } catch (error) {
          if (error instanceof Failure && SESSION_CODES.has(error.code)) throw ended(token);
          throw error;
        }
      }),
  };
}

/** A new session that has shown its second factor. */
async function logIn(
  world: World,
  service: Service,
  { username, passwordFile, totpFile }: Credentials,
  say: (line: string) => void,
) {
  if (username === undefined) throw usage('Say who you are: --user NAME.');
  const asking = passwordFile === undefined;
  if (asking && !canAsk(world)) throw loginNeeded('There is no terminal to ask for the password on.');
  for (let attempt = 1; ; attempt += 1) {
    const password = asking
      ? await askHidden(world, `Password of ${username} at ${service.base.host}: `)
      : await secretIn(world, passwordFile, 'password');
    const reply = await service.patient({
      method: 'POST',
      path: 'v1/auth/login',
      json: { username, password },
    });
    if (reply.code === 'invalid_credentials' && asking && attempt < MOST_TRIES) {
      say(refusalIn(reply).message);
      continue;
    }
    const opened = objectIn(reply);
    const token = textIn(opened, 'token', TOKEN);
    const expiresAt = textIn(opened, 'expires_at', /^[\dT:.Z-]{20,40}$/);
    if (membersOf(opened.account).second_factor_setup_required === true) {
      if (!canAsk(world)) throw refusedWith('second_factor_setup_required');
      await setUpTotp(world, service, token, say);
    } else if (opened.second_factor_verification_required === true) {
      await showFactor(world, service, token, totpFile, say);
    }
    return { server: service.base.href, username, token, expiresAt };
  }
}

function refusedWith(code: string): Failure {
  const headers = () => undefined;
  return refusalIn({
    status: 403,
    code,
    words: '',
    json: undefined,
    retryAfterMs: undefined,
    header: headers,
  });
}

/** Shows an authenticator's code, or one that is mailed on request. */
async function showFactor(
  world: World,
  service: Service,
  token: string,
  totpFile: string | undefined,
  say: (line: string) => void,
): Promise<void> {
  if (totpFile !== undefined) {
    const code = await secretIn(world, totpFile, 'code');
    objectIn(await service.patient({ method: 'POST', path: `${FACTOR}/totp/verify`, json: { code }, token }));
    return;
  }
  if (!canAsk(world)) throw loginNeeded('There is no terminal to ask for the second factor on.');
  for (let attempt = 1; ; attempt += 1) {
    const code = (await askHidden(world, 'Code from your authenticator app (empty: mail me one): ')).trim();
    const reply =
      code === ''
        ? await mailedCode(world, service, token, say)
        : await service.patient({ method: 'POST', path: `${FACTOR}/totp/verify`, json: { code }, token });
    // Five wrong codes end the session, so a person gets fewer tries than that.
    if (reply.status === 200) return;
    if (reply.status !== 400 || attempt >= MOST_TRIES) throw refusalIn(reply);
    say(refusalIn(reply).message);
  }
}

/** Also where the server mails no more of them for now: those that came are still good. */
async function mailedCode(
  world: World,
  service: Service,
  token: string,
  say: (line: string) => void,
): Promise<Reply> {
  const path = `${FACTOR}/email/challenge`;
  // Once: waiting until another one may be mailed helps nobody who has one, and each attempt mails another.
  const sent = await service.once({ method: 'POST', path, json: {}, token });
  if (sent.code === 'rate_limited') say(refusalIn(sent).message);
  else if (sent.status !== 202) return sent;
  const code = (await askHidden(world, 'Code from the mail: ')).trim();
  if (code === '' && sent.status !== 202) return sent;
  return await service.patient({ method: 'POST', path: `${FACTOR}/email/verify`, json: { code }, token });
}

/** One line from a file, or from standard input for `-`. */
async function secretIn(world: World, file: string, what: string): Promise<string> {
  let text: string;
  try {
    text = file === '-' ? await fromStandardInput(world) : await readFile(file, 'utf8');
  } catch (error) {
    throw usage(`The ${what} file cannot be read (${errorCode(error)}).`);
  }
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '' || secret.length > 1024 || /[\r\n]/.test(secret))
    throw usage(`The ${what} file must hold one line.`);
  return secret;
}

async function fromStandardInput(world: World): Promise<string> {
  let text = '';
  for await (const piece of world.stdin) {
    text += Buffer.from(piece as Uint8Array).toString('utf8');
    if (text.length > 4096) throw nonsense();
  }
  return text;
}
