/** The first login of an account: an authenticator app is set up, on the terminal. */

import { qrCode } from '../../shared/qr.ts';
import { askHidden } from '../../shared/terminal.ts';
import { printable } from '../../shared/text.ts';
import type { World } from '../../shared/world.ts';
import { objectIn, refusalIn, type Service, textIn } from './service.ts';

const FACTOR = 'v1/account/second-factor/totp';
const MOST_TRIES = 3;

/** Shows the seed once, as text and as a QR code, and asks for the first code. Throws what the server refuses. */
export async function setUpTotp(
  world: World,
  service: Service,
  token: string,
  say: (line: string) => void,
): Promise<void> {
  const enrolled = objectIn(
    await service.patient({ method: 'POST', path: `${FACTOR}/enroll`, json: {}, token }),
  );
  const seed = textIn(enrolled, 'secret', /^[A-Z2-7]{16,128}$/);
  const link = textIn(enrolled, 'otpauth_url', /^otpauth:\/\/totp\/[\x21-\x7e]{1,500}$/);
  say(
    'This account has no second factor yet. Scan this with an authenticator app, or type the secret into it.',
  );
  say(qrCode(link, world.stderr.isTTY === true));
  say(`Secret: ${printable(seed)}`);
  for (let attempt = 1; ; attempt += 1) {
    const code = (await askHidden(world, 'The six digits that the app shows: ')).trim();
    const reply = await service.patient({ method: 'POST', path: `${FACTOR}/confirm`, json: { code }, token });
    if (reply.status === 200) return;
    if (reply.status !== 400 || attempt >= MOST_TRIES) throw refusalIn(reply);
    say(refusalIn(reply).message);
  }
}
