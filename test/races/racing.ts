/** What the races have in common: pastes of every shape, and many readers at once. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';

export interface Door {
  /** Sends a request; the path is below the main door's root. */
  send(path: string, init?: RequestInit): Promise<Response>;
}

export const handlerDoor = (main: (request: Request) => Promise<Response>): Door => ({
  send: (path, init) => main(new Request(`http://door.test${path}`, init)),
});

export const socketDoor = (url: string): Door => ({ send: (path, init) => fetch(`${url}${path}`, init) });

export interface Burning {
  readonly id: string;
  readonly token: string;
  readonly bytes: Uint8Array;
  /** What a reader must send. */
  readonly headers: Readonly<Record<string, string>>;
}

export type Shape = 'small' | 'segment' | 'staged' | 'proof' | 'password';

/** Which shape a round has: mostly small ones, every other shape often enough. */
export function shapeOf(round: number): Shape {
  if (round % 50 === 24) return 'password';
  return (['small', 'staged', 'small', 'proof', 'segment'] as const)[round % 5] ?? 'small';
}

const MIB = 1024 * 1024;

/** Creates a burn paste of random bytes. */
export async function burning(door: Door, shape: Shape): Promise<Burning> {
  const size = shape === 'staged' ? 2 * MIB + 77 : shape === 'segment' ? MIB : 100;
  const bytes = new Uint8Array(randomBytes(size));
  const secret = randomBytes(16).toString('hex');
  const protection: Record<string, string> = {};
  if (shape === 'password') protection['x-paste-password'] = secret;
  if (shape === 'proof') {
    protection['x-paste-access-hash'] = createHash('sha256').update(secret).digest('hex');
  }
  const response = await door.send('/', {
    method: 'POST',
    body: bytes,
    headers: { 'x-burn-after-read': 'true', ...protection },
  });
  assert.equal(response.status, 201, `a create was answered ${response.status}`);
  const { id, delete_token: token } = (await response.json()) as { id: string; delete_token: string };
  const guarded = shape === 'password' || shape === 'proof';
  return { id, token, bytes, headers: guarded ? { 'x-paste-password': secret } : {} };
}

/** `count` readers at once, dealt out over the doors: exactly one gets the bytes, all others the one 404. */
export async function raceToRead(doors: readonly Door[], paste: Burning, count: number): Promise<void> {
  const answers = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const door = doors[i % doors.length] ?? assert.fail('no door');
      const response = await door.send(`/${paste.id}/raw`, { headers: paste.headers });
      return { status: response.status, bytes: new Uint8Array(await response.arrayBuffer()) };
    }),
  );
  for (const { status, bytes } of answers)
    assert.notEqual(status, 503, `a reader was answered 503: ${Buffer.from(bytes)}`);
  const won = answers.filter(({ status }) => status === 200);
  assert.equal(won.length, 1, `${won.length} of ${count} readers got the paste`);
  assert.ok(
    Buffer.compare(won[0]?.bytes ?? new Uint8Array(0), paste.bytes) === 0,
    'the winner got other bytes',
  );
  for (const { status, bytes } of answers) {
    if (status === 200) continue;
    assert.equal(status, 404);
    assert.match(Buffer.from(bytes).toString(), /"code":"paste_not_found"/);
  }
}
