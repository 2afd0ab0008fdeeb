/** `sallyport login`, `sallyport logout`: the session that the other evidence commands use. */

import type { World } from '../../shared/world.ts';
import { say, tell } from '../command.ts';
import type { Account } from './contacts-file.ts';
import { evidenceCommand } from './evidence-command.ts';
import { credentialsFrom, type Login, loginAt } from './login.ts';
import { type Given, OUTPUT, SERVER } from './options.ts';
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

export const loginCommand = evidenceCommand({
  words: ['login'],
  usage: 'login [--user NAME] [OPTIONS]',
  summary: 'Log in, so that captures can begin without a password.',
  details: `
Asks for the password and the second factor, and keeps the session (mode 0600) for the other commands until it ends.
A capture whose session has ended goes on with the new one by itself. At the first login of an account, an
authenticator app is set up.
`,
  options: [SERVER, OUTPUT],
  positionals: [0, 0],
  async run(world, given) {
    const { service, login } = await connected(world, given);
    const { username } = await accountAt(service, login);
    tell(given.has('json'), { username }, given.has('quiet') ? [] : [`Logged in as ${username}.`]);
    return 0;
  },
});

export const logoutCommand = evidenceCommand({
  words: ['logout'],
  usage: 'logout [OPTIONS]',
  summary: 'End the session that login keeps.',
  details: '',
  options: [SERVER, OUTPUT],
  positionals: [0, 0],
  async run(world, given) {
    const { service } = await connected(world, given);
    const kept = await keptSession(world, service.base.href, undefined);
    if (kept !== undefined)
      await service.patient({ method: 'POST', path: 'v1/auth/logout', json: {}, token: kept.token });
    await forgetSession(world, service.base.href);
    const text = kept === undefined ? 'There was no session.' : 'Logged out.';
    tell(given.has('json'), { revoked: kept !== undefined }, given.has('quiet') ? [] : [text]);
    return 0;
  },
});
