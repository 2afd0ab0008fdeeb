/** What happens during a capture, told to a person on standard error or to a script as JSON lines. */

import { spokenSeconds } from '../../shared/duration.ts';
import { spokenBytes } from '../../shared/text.ts';
import type { World } from '../../shared/world.ts';

/** Everything that is told. In JSON each is an object with its `event` first. */
export type Happening =
  | { readonly event: 'incident' | 'incident_joined'; readonly incident_id: string }
  | { readonly event: 'stream'; readonly incident_id: string; readonly stream_id: string }
  | { readonly event: 'key_wrapped'; readonly file: string }
  | { readonly event: 'key_shared'; readonly contact: string; readonly grant_id: string }
  | {
      readonly event: 'sharing_refused';
      readonly contact: string;
      readonly code: string;
      readonly message: string;
    }
  | { readonly event: 'viewer_link'; readonly link: string; readonly file: string }
  | { readonly event: 'recording'; readonly directory: string; readonly resumed: boolean }
  | {
      readonly event: 'sealed';
      readonly chunk_index: number;
      readonly byte_size: number;
      readonly final: boolean;
    }
  | {
      readonly event: 'acknowledged';
      readonly chunk_index: number;
      /** How it is known: the server took it now, had taken it before, or was asked whether it has it. */
      readonly by: 'upload' | 'replay' | 'reconciliation';
    }
  | { readonly event: 'waiting'; readonly reason: string; readonly seconds: number }
  | { readonly event: 'login_needed' | 'logged_in' | 'staging_full' | 'recording_ended' | 'checked_in' }
  | { readonly event: 'checkin_failed'; readonly reason: string }
  | { readonly event: 'upload_refused'; readonly code: string; readonly message: string }
  | { readonly event: 'completed'; readonly chunk_count: number }
  | {
      readonly event: 'ended';
      readonly exit: number;
      readonly directory: string;
      /** Chunks that the server has, and that wait in the directory. */
      readonly acknowledged: number;
      readonly pending: number;
      /** The server's signed receipts, and the file that holds them. */
      readonly receipts: number;
      readonly receipts_file: string;
    };

/** How far it is, for the line that is drawn over and over. */
export interface Standing {
  readonly sealed: number;
  readonly acknowledged: number;
  readonly pendingChunks: number;
  readonly pendingBytes: number;
}

export interface Teller {
  tell(happening: Happening, standing?: Standing): void;
  /** A remark for a person. */
  say(line: string): void;
  /** Removes the line that is drawn, before something else is written. */
  clear(): void;
}

const REDRAW_MS = 100;

/** Tells what happens: as JSON lines, as a line that is drawn again on a terminal, or where neither is, in sentences. */
export function tellerFor(world: World, flags: { readonly json: boolean; readonly quiet: boolean }): Teller {
  const terminal = world.stderr.isTTY === true && !flags.json && !flags.quiet;
  const began = world.now();
  let drawn = false;
  let last = 0;
  const clear = (): void => {
    if (drawn) world.stderr.write('\r\x1b[K');
    drawn = false;
  };
  const say = (line: string): void => {
    if (flags.quiet || flags.json) return;
    clear();
    world.stderr.write(`${line}\n`);
  };
  const draw = (standing: Standing): void => {
    const now = world.now();
    if (!terminal || now - last < REDRAW_MS) return;
    last = now;
    const line = standingLine(standing, (now - began) / 1000);
    world.stderr.write(`\r\x1b[K${line.slice(0, Math.max(10, (world.stderr.columns || 80) - 1))}`);
    drawn = true;
  };
  return {
    say,
    clear,
    tell(happening, standing) {
      if (flags.json) {
        world.stdout.write(`${JSON.stringify(happening)}\n`);
        return;
      }
      // The one result that a person needs of a capture; it is shown this once.
      if (happening.event === 'viewer_link') {
        clear();
        world.stdout.write(`${happening.link}\n`);
      }
      const sentence = sentenceFor(happening);
      if (sentence !== undefined) say(sentence);
      if (standing !== undefined) draw(standing);
    },
  };
}

/** `00:12  12 sealed, 10 on the server, 2 waiting (34 KiB)`. */
function standingLine(standing: Standing, seconds: number): string {
  const two = (count: number): string => String(Math.floor(count)).padStart(2, '0');
  const clock = `${two(seconds / 60)}:${two(seconds % 60)}`;
  const waiting =
    standing.pendingChunks === 0
      ? ''
      : `, ${standing.pendingChunks} waiting (${spokenBytes(standing.pendingBytes)})`;
  return `${clock}  ${standing.sealed} sealed, ${standing.acknowledged} on the server${waiting}`;
}

function sentenceFor(happening: Happening): string | undefined {
  switch (happening.event) {
    case 'incident':
      return `Incident ${happening.incident_id}`;
    case 'incident_joined':
      return `Incident ${happening.incident_id} (was there already)`;
    case 'stream':
      return `Stream   ${happening.stream_id}`;
    case 'key_wrapped':
      return `The key of this stream, for one recipient: ${happening.file}`;
    case 'key_shared':
      return `The key of this stream is on the server, wrapped for ${happening.contact}.`;
    case 'sharing_refused':
      return `NOT SHARED with ${happening.contact}: ${happening.message} The recording goes on.`;
    case 'viewer_link':
      return `Above: the viewer link, shown this once and kept in ${happening.file}. Whoever has it sees that the incident is there.`;
    case 'recording':
      return `${happening.resumed ? 'Going on' : 'Recording'}. Ctrl-C ends it in order. Kept until acknowledged: ${happening.directory}`;
    case 'waiting':
      return `${happening.reason} Trying again in ${spokenSeconds(Math.max(1, happening.seconds))}; the recording goes on.`;
    case 'login_needed':
      return 'The server wants a login. What is recorded is kept here meanwhile.';
    case 'logged_in':
      return 'Logged in; uploading goes on.';
    case 'staging_full':
      return 'The staging directory is full. The recording is ended; nothing of it is thrown away.';
    case 'recording_ended':
      return 'The recording has ended.';
    case 'checkin_failed':
      return `A check-in did not reach the server: ${happening.reason}`;
    case 'upload_refused':
      return `The server takes no more of this stream: ${happening.message} What is recorded is kept here.`;
    case 'completed':
      return `The stream is complete: ${happening.chunk_count} chunks.`;
    case 'ended':
      return endSentences(happening);
    case 'sealed':
    case 'acknowledged':
    case 'checked_in':
      return undefined;
  }
}

function endSentences(end: Extract<Happening, { readonly event: 'ended' }>): string {
  const { directory, pending, receipts, receipts_file: file } = end;
  const rest =
    pending === 0
      ? `The key stays in ${directory}: whoever loses it cannot open the recording.`
      : `${pending} chunks wait in ${directory}. Go on with: sallyport capture --resume ${directory}`;
  if (receipts === 0) return rest;
  const count = receipts === 1 ? 'one chunk' : `${receipts} chunks`;
  return `The server has signed for ${count}: ${file}. Keep a copy elsewhere, for sallyport verify --receipts.\n${rest}`;
}
