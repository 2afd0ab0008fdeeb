/**
 * Bad networks for rehearsals: what a recorder must live with, made to order and repeatable. It stands between the
 * client and its sockets, so that everything above it is what runs on a real bad day.
 */

import { Failure } from '../../shared/failure.ts';
import type { Answer, Sending } from '../../shared/http.ts';
import type { World } from '../../shared/world.ts';
import type { Chance } from './seeded.ts';

export interface Weather {
  /** Milliseconds that each request and each answer take longer, on average. */
  readonly latencyMs: number;
  /** How many of a hundred requests break: before they arrive, on their way, or before their answer arrives. */
  readonly lossPercent: number;
  /** Upstream; undefined for as much as there is. */
  readonly bytesPerSecond: number | undefined;
  /** No network at all for `forMs` after each `everyMs`. */
  readonly offline: { readonly everyMs: number; readonly forMs: number } | undefined;
}

export type Send = (sending: Sending) => Promise<Answer>;
type Clock = Pick<World, 'now' | 'sleep'>;

/** Sends as `send` does, through weather that begins now. */
export function throughWeather(send: Send, weather: Weather, clock: Clock, chance: Chance): Send {
  const began = clock.now();
  const isOffline = (): boolean => {
    if (weather.offline === undefined) return false;
    const { everyMs, forMs } = weather.offline;
    return (clock.now() - began) % (everyMs + forMs) >= everyMs;
  };
  const delay = () => clock.sleep(weather.latencyMs * 2 * chance());
  return async (sending) => {
    // All chances are taken at once, so that a seed means the same whatever the clock does.
    const lost = chance() * 100 < weather.lossPercent;
    const where = lost ? (['before', 'within', 'after'] as const)[Math.floor(chance() * 3)] : undefined;
    await delay();
    if (isOffline() || where === 'before') throw broken('before the request arrived');
    const slowed = slowly(sending, weather.bytesPerSecond, clock, (sent) => {
      const length = sending.body?.length ?? Number.POSITIVE_INFINITY;
      return isOffline() || (where === 'within' && sent >= length / 2);
    });
    // A request without a body has no way to break within.
    if (where === 'within' && sending.body === undefined) throw broken('on the way');
    const answer = await send(slowed);
    await delay();
    if (!isOffline() && where !== 'after') return answer;
    answer.close();
    throw broken('before the answer arrived');
  };
}

/** The same request with a body that is let through at a pace, and breaks when `breaks` says so. */
function slowly(
  sending: Sending,
  bytesPerSecond: number | undefined,
  clock: Clock,
  breaks: (sent: number) => boolean,
): Sending {
  const { body } = sending;
  if (body === undefined) return sending;
  const pieces = (async function* () {
    let sent = 0;
    try {
      for (let next = await body.pieces.next(); next.done !== true; next = await body.pieces.next()) {
        const step = Math.max(1, Math.ceil((bytesPerSecond ?? Number.POSITIVE_INFINITY) / 10));
        for (let at = 0; at < next.value.length; at += step) {
          if (breaks(sent)) throw broken('on the way');
          const part = next.value.subarray(at, at + step);
          if (bytesPerSecond !== undefined) await clock.sleep((part.length / bytesPerSecond) * 1000);
          yield part;
          sent += part.length;
        }
      }
      // A body that goes out as one piece is lost too: its answer never comes.
      if (breaks(sent)) throw broken('on the way');
    } finally {
      await body.pieces.return?.();
    }
  })();
  return { ...sending, body: { ...body, pieces } };
}

function broken(where: string): Failure {
  return new Failure('network', 'rehearsed_break', `The rehearsed network broke ${where}.`, true);
}
