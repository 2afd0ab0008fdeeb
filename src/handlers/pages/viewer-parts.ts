/**
 * The parts of the viewer's page that change. Each is named by a `data-` attribute and is there from the start,
 * hidden while it says nothing, so that the script only ever puts text into what the server has made.
 */
import { type Child, type Html, html } from './html.ts';
import { age, day, type Kind, pieces, type StreamState, safe, WORDS } from './viewer-words.ts';

/** A stream as the wire tells it. */
export interface ShownStream {
  readonly id: string;
  readonly media_type: Kind;
  readonly label?: string | undefined;
  readonly status: StreamState;
  readonly completed_at?: string | undefined;
  readonly failed_at?: string | undefined;
  readonly failure_reason?: string | undefined;
  readonly chunk_count: number;
  readonly total_bytes: number;
}

/** Chunks of one kind as the wire tells them. */
export interface ShownMedia {
  readonly media_type: Kind;
  readonly chunk_count: number;
  readonly latest_chunk?: { readonly created_at: string } | undefined;
}

/** A text under a name, hidden while it is empty. */
export function part(name: string, text: string, kind = ''): Html {
  return html`<p${kind !== '' && html` class="${kind}"`} data-part="${name}"${text === '' && html` hidden`}>${text}</p>`;
}

/** How long ago something was, and when, or the words for never. Both are RFC 3339 in UTC. */
export function moment(iso: string | undefined, now: string, never: string = WORDS.never): Html {
  if (iso === undefined) return html`<span data-age="">${never}</span> <time hidden></time>`;
  const text = age(Math.max(0, Date.parse(now) - Date.parse(iso)));
  return html`<span data-age="${iso}">${text}</span> <time datetime="${iso}">${day(iso)}</time>`;
}

/** A name and a value; the row is hidden while there is no value. */
export function pair(name: string, hook: Html, value: Child, hidden = false): Html {
  return html`<div${hidden && html` hidden`}><dt>${name}</dt><dd ${hook}>${value}</dd></div>`;
}

/**
 * One recording.
 * @param base what its links start with; undefined for a blank
 */
export function recording(stream: ShownStream, now: string, base?: string): Html {
  const { status, label = '', failure_reason: reason } = stream;
  const ended = stream.completed_at ?? stream.failed_at;
  const kind = WORDS.kinds[stream.media_type];
  return html`<li class="recording" data-recording="${stream.id}">
<div class="head"><h3 data-part="kind">${kind}</h3><span class="badge ${WORDS.tones[status]}" data-part="state">${WORDS.states[status]}</span></div>
${part('label', label, 'label')}
${part('safe', safe(stream))}
<p class="when" data-part="ended"${ended === undefined && html` hidden`}><span data-part="ended-words">${WORDS.ended[status]}</span>${moment(ended, now, '')}</p>
${part('reason', reason === undefined ? '' : `Reason given: ${reason}`)}
${status === 'complete' && download('stream', base === undefined ? '' : `${base}/streams/${stream.id}/download`, ` (${kind}${label && `, ${label}`})`)}
</li>`;
}

/**
 * A link to a bundle. What it is of is said to those who do not see what it stands beside.
 * @param href empty in a blank, where it is no link yet
 */
export function download(what: 'stream' | 'incident', href: string, of: string): Html {
  const hook = what === 'stream' ? html`data-stream-download` : html`data-incident-download`;
  return html`<p class="action"><a class="button" data-part="link"${href !== '' && html` ${hook} href="${href}"`} download>Download encrypted bundle<span class="unseen" data-part="of">${of}</span></a></p>`;
}

/** What has arrived of one kind. The roles are written out, since browsers drop a row's meaning with its display. */
export function mediaRow(media: ShownMedia, now: string): Html {
  return html`<tr role="row" data-media="${media.media_type}"><th role="rowheader" scope="row">${WORDS.kinds[media.media_type]}</th><td role="cell" data-part="count">${pieces(media.chunk_count)}</td><td role="cell" data-part="latest">${moment(media.latest_chunk?.created_at, now)}</td></tr>`;
}
