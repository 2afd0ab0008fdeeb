/**
 * The words of the viewer's page, and how it says times, sizes and places. The script says the same things in the
 * same words: it is given the tables, and its few functions are held against these by a test.
 */

export type Kind = 'audio' | 'video' | 'location' | 'metadata';
export type StreamState = 'open' | 'complete' | 'failed';

/** Plain words for what the wire calls by its own names. */
export const WORDS = {
  kinds: { audio: 'Microphone', video: 'Camera', location: 'Location track', metadata: 'Device data' },
  states: { open: 'Not complete yet', complete: 'Complete', failed: 'Stopped early' },
  tones: { open: 'plain', complete: 'good', failed: 'warn' },
  /** What stands before the time at which a stream ended. */
  ended: { open: '', complete: 'Completed ', failed: 'Stopped ' },
  incident: { open: 'Open', closed: 'Closed' },
  incidentSays: { open: 'More may still arrive.', closed: 'The recording was ended.' },
  kept: 'Every recording that is complete, in one file.',
  keptNothing: 'No recording is complete yet, so this holds only a summary.',
  never: 'Nothing yet',
  noLocation: 'No location has been shared yet.',
  oldLocation: 'This location is more than 15 minutes old. They may be somewhere else by now.',
} as const;

export const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July'],
  ...['August', 'September', 'October', 'November', 'December'],
] as const;

/** `2 pieces`. */
export function pieces(count: number): string {
  return `${count} ${count === 1 ? 'piece' : 'pieces'}`;
}

/** `2 January 2026, 03:04 UTC` of an RFC 3339 time in UTC. */
export function day(iso: string): string {
  return `${Number(iso.slice(8, 10))} ${MONTHS[Number(iso.slice(5, 7)) - 1]} ${iso.slice(0, 4)}, ${iso.slice(11, 16)} UTC`;
}

const amount = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** How long ago something was, in words that change once a minute. */
export function age(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return 'less than a minute ago';
  if (minutes < 60) return `${amount(minutes, 'minute')} ago`;
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  if (hours < 24) return `${amount(hours, 'hour')}${rest > 0 ? ` ${amount(rest, 'minute')}` : ''} ago`;
  return `${amount(Math.floor(hours / 24), 'day')} ago`;
}

/** A number of bytes. */
export function size(bytes: number): string {
  if (bytes < 1_000_000) return `${Math.ceil(bytes / 1000)} kB`;
  if (bytes < 1_000_000_000) return `${(bytes / 1_000_000).toFixed(1)} MB`;
  return `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}

/** Degrees to about a tenth of a metre. */
export function coordinates(latitude: number, longitude: number): string {
  return `${Number(latitude.toFixed(6))}, ${Number(longitude.toFixed(6))}`;
}

/** How far off a place may be; empty where nobody said. */
export function accuracy(meters: number | undefined): string {
  if (meters === undefined) return '';
  if (meters < 1000) return `Accurate to about ${amount(Math.max(1, Math.round(meters)), 'metre')}.`;
  return `Accurate to about ${(meters / 1000).toFixed(1)} kilometres.`;
}

/** How many recordings can be had. */
export function recordings(complete: number, all: number): string {
  if (all === 0) return 'No recording has been started yet.';
  return `${complete} of ${all} ${all === 1 ? 'recording is' : 'recordings are'} complete.`;
}

/** What is safe of a stream. */
export function safe(stream: { status: StreamState; chunk_count: number; total_bytes: number }): string {
  const held = `${pieces(stream.chunk_count)}, ${size(stream.total_bytes)}`;
  if (stream.status === 'complete') return `${held}.`;
  if (stream.status === 'failed') return `${held} were saved before it stopped.`;
  return stream.chunk_count === 0
    ? 'Nothing has arrived of it yet.'
    : `${held} saved so far. It can be downloaded once it is complete.`;
}
