/** `sallyport verify`, given a real bundle with an RFC 3161 answer in it that somebody changed. */

import type { TokenMaker } from '../../../test/support/timestamp-tokens.ts';
import { must } from '../target.ts';
import { bundles, reportOf, verify } from './bundles.ts';
import { withFiles } from './commands.ts';
import type { Reader } from './reader.ts';

interface Stamped {
  readonly maker: TokenMaker;
  readonly key: string;
  readonly entries: ReadonlyMap<string, Uint8Array>;
  readonly checkpoint: Uint8Array;
}

let made: Promise<Stamped> | undefined;
const stamped = () => {
  made ??= (async () => {
    const { tokenMaker } = await import('../../../test/support/timestamp-tokens.ts');
    const { entries, key } = await bundles();
    const [, first = new Map<string, Uint8Array>()] = entries;
    const checkpoint = first.get('custody/checkpoint') ?? new Uint8Array();
    return { maker: await tokenMaker(), key, entries: first, checkpoint };
  })();
  return made;
};

/** When the right ones are from. */
const TIME = new Date('2026-01-02T03:04:05Z');
const LAST = new Date('2048-12-31T23:59:59.999Z');
const TLS_SERVER = '1.3.6.1.5.5.7.3.1';

export const timestampReader: Reader = {
  name: 'bundle-timestamps',
  summary: 'bundles with a timestamp, as sallyport verify believes or refuses it',
  words: [
    ...['\x18\x0f20260102030405Z', '\x18\x1320260102030405.678Z', '\x18\x02xx', '\x17\x0d260102030405Z'],
    ...[
      '\x30\x80',
      '\x00\x00',
      '\xa0\x82',
      '\x06\x0b',
      '\x02\x01',
      '\x04\x20',
      '\x84\xff\xff\xff\xff',
      '\x31',
    ],
  ],
  seeds: async () => {
    const { maker, checkpoint } = await stamped();
    return Promise.all([
      maker.stamp(checkpoint, { time: TIME }),
      maker.stamp(checkpoint, { time: LAST }),
      maker.stamp(checkpoint, { time: TIME, purposes: [TLS_SERVER] }),
      maker.stamp(new Uint8Array(3), { time: TIME }),
      maker.stamp(checkpoint, { time: TIME, timeText: '2026010203.9e11Z' }),
    ]);
  },
  async read(bytes) {
    const { pack } = await import('../../../test/support/archives.ts');
    const { maker, key, entries } = await stamped();
    const whole = new Map([...entries, ['custody/timestamp.tsr', bytes] as const]);
    const archive = await pack([...whole].map(([name, content]) => ({ name, bytes: content })));
    const authorities = Buffer.from(maker.authorities);
    await withFiles([archive, authorities], async ([bundle = '', ca = '']) => {
      reportOf(await verify(['--json', bundle]), [0, 1]);
      const report = reportOf(await verify(['--json', bundle, '--key', key, '--timestamp-ca', ca]), [0, 1]);
      const { time, trusted } = report?.custody?.timestamp ?? { time: null, trusted: false };
      if (report?.verdict === 'ok') must(trusted, () => 'a bundle holds whose timestamp is not trusted');
      // What the signature does not cover may be changed; the time may not.
      const times = [TIME, LAST].map((one) => one.toISOString());
      if (trusted) must(time !== null && times.includes(time), () => `${time} was never stamped`);
    });
  },
};
