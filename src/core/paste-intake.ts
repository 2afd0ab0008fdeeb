/** Taking in the bytes of a paste. */
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { type Inspection, inspector } from './inspect.ts';
import { type Received, receive } from './receive.ts';
import type { ByteSource } from './source.ts';

export type ReceivedPaste = Received<Inspection>;

/**
 * Reads the body of a paste to its end.
 * @param hashed whether somebody will ask for the SHA-256, which is a fifth of what taking in 100 KiB costs
 * @throws Fault `paste_too_large` at the first byte over `limit`, `empty_paste`, `storage_quota_exceeded` when
 *   there is no room to stage, and what the source throws.
 */
export async function receivePaste(
  deps: Deps,
  source: ByteSource,
  limit: number,
  hashed: boolean,
): Promise<ReceivedPaste> {
  const received = await receive(deps, source, {
    prefix: 'pst',
    limit,
    tooLarge: () =>
      new Fault('paste_too_large', {
        message: `the paste is larger than ${limit} bytes, which is the limit for you`,
      }),
    full: () => new Fault('storage_quota_exceeded'),
    unhashed: !hashed,
    look: inspector({ measureEntropy: deps.settings.paste.minEntropy > 0 }),
  });
  if (received.size === 0) throw new Fault('empty_paste');
  return received;
}
