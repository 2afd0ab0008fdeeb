/** What the overview says of the log: the key that bundles are checked with, and the newest checkpoint. */
import type { Checkpoint } from '../../store/log.ts';
import { type Html, html } from './html.ts';
import { moment, pairs } from './parts.ts';

export interface LogView {
  /** The verifier key; undefined where this process signs nothing. */
  readonly verifier: string | undefined;
  readonly entries: number;
  readonly latest: Checkpoint | undefined;
  /** Whether an authority is asked for timestamps. */
  readonly timestamping: boolean;
}

export function logSection({ verifier, entries, latest, timestamping }: LogView): readonly Html[] {
  const stamped = timestamping ? 'asked for, and not there yet' : 'none: SAFE_TIMESTAMP_URL is not set';
  return [
    html`<p>Publish the key where people find it without this server, and now and then a checkpoint. Who keeps either can tell later whether entries were removed, changed or put in between.</p>`,
    pairs([
      [
        'Verifier key',
        verifier === undefined ? 'this process signs nothing' : html`<code>${verifier}</code>`,
      ],
      ['Entries', entries.toLocaleString('en')],
      [
        'Newest checkpoint',
        latest === undefined
          ? 'none yet'
          : html`of ${latest.size.toLocaleString('en')} entries, ${moment(latest.createdAt)}`,
      ],
      ...(latest === undefined
        ? []
        : ([
            ['Its timestamp', latest.timestamp === undefined ? stamped : 'there'],
            ['As it is signed', note(latest.note)],
          ] as const)),
    ]),
  ];
}

/** A signed note, a line each, for copying. */
const note = (text: string): Html =>
  html`<code>${text
    .split('\n')
    .slice(0, -1)
    .map((line, at) => [at > 0 && html`<br>`, line])}</code>`;
