/** `sallyport login`, `sallyport logout`: the session that the other evidence commands use. */

import { processWorld, type World } from '../../shared/world.ts';
import { type Command, say, tell } from '../command.ts';
import type { Account } from './contacts-file.ts';
import { EXIT_HELP, ending } from './ending.ts';
import { credentialsFrom, type Login, loginAt } from './login.ts';
import {
  type Given,
  type Option,
  OUTPUT_OPTIONS,
  optionHelp,
  readOptions,
  SERVER_OPTIONS,
} from './options.ts';
import {
  membersOf,
  objectIn,
  patience,
  type Service,
  sendBy,
  serverFrom,
  serviceAt,
  textIn,
} from './service.ts';
import { forgetSession, keptSession } from './session-file.ts';

const OPTIONS: readonly Option[] = [...SERVER_OPTIONS, ...OUTPUT_OPTIONS];
const OPTION_HELP = optionHelp([
  ['The server', SERVER_OPTIONS],
  ['Output', OUTPUT_OPTIONS],
]);

/** The server of the options, and being somebody there. */
export async function connected(
  world: World,
  given: Given,
): Promise<{ readonly service: Service; readonly login: Login }> {
  const { base, route } = await serverFrom(world, given);
  const policy = patience(
    world,
    (line) => {
      if (!given.has('quiet') && !given.has('json')) say(line);
    },
    () => (world.random(1)[0] ?? 0) / 256,
  );
  const service = serviceAt(world, base, policy, sendBy(route));
  return { service, login: await loginAt(world, service, credentialsFrom(world, given), say) };
}

/** Who one is, as the server spells it. Opens a session where one is needed. */
export async function accountAt(service: Service, login: Login): Promise<Account> {
  const reply = await login.asked({ method: 'GET', path: 'v1/account' });
  const username = textIn(membersOf(objectIn(reply).account), 'username', /^[\x21-\x7e]{1,64}$/);
  return { server: service.base.href, username };
}

export const loginCommand: Command = {
  words: ['login'],
  usage: 'login [--user NAME] [OPTIONS]',
  summary: 'Log in, so that captures can begin without a password.',
  details: `
Asks for the password and the second factor, and keeps the session (mode 0600) for the other commands until it ends.
A capture whose session has ended goes on with the new one by itself. At the first login of an account, an
authenticator app is set up.
${OPTION_HELP}${EXIT_HELP}`,
  run: (args) =>
    ending(args, async () => {
      const world = processWorld();
      const given = readOptions(args, OPTIONS, [0, 0]);
      const { service, login } = await connected(world, given);
      const { username } = await accountAt(service, login);
      tell(given.has('json'), { username }, given.has('quiet') ? [] : [`Logged in as ${username}.`]);
      return 0;
    }),
};

export const logoutCommand: Command = {
  words: ['logout'],
  usage: 'logout [OPTIONS]',
  summary: 'End the session that login keeps.',
  details: `${OPTION_HELP}${EXIT_HELP}`,
  run: (args) =>
    ending(args, async () => {
      const world = processWorld();
      const given = readOptions(args, OPTIONS, [0, 0]);
      const { service } = await connected(world, given);
      const kept = await keptSession(world, service.base.href, undefined);
      if (kept !== undefined)
        await service.patient({ method: 'POST', path: 'v1/auth/logout', json: {}, token: kept.token });
      await forgetSession(world, service.base.href);
      const text = kept === undefined ? 'There was no session.' : 'Logged out.';
      tell(given.has('json'), { revoked: kept !== undefined }, given.has('quiet') ? [] : [text]);
      return 0;
    }),
};
