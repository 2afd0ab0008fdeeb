/**
 * The viewer's page: complete as it is sent, so that it says everything without a script. It names no key, takes
 * none, and opens nothing.
 */
import { type Child, type Html, html } from './html.ts';
import {
  download,
  mediaRow,
  moment,
  pair,
  part,
  recording,
  type ShownMedia,
  type ShownStream,
} from './viewer-parts.ts';
import { accuracy, coordinates, day, recordings, WORDS } from './viewer-words.ts';

export const VIEWER_CSS_PATH = '/static/styles.css';
export const VIEWER_SCRIPT_PATH = '/static/scripts.js';

/** What the page shows: the wire's own names, as `/data` answers them. */
export interface ShownIncident {
  readonly incident: {
    readonly status: 'open' | 'closed';
    readonly client_label?: string | undefined;
    readonly created_at: string;
    readonly updated_at: string;
  };
  readonly latest_checkin?:
    | {
        readonly created_at: string;
        readonly device_battery_percent?: number | undefined;
        readonly device_network?: string | undefined;
      }
    | undefined;
  readonly media: readonly ShownMedia[];
  readonly streams: readonly ShownStream[];
  readonly warning: string;
  readonly generated_at: string;
}

export interface ShownLocation {
  readonly latitude: number;
  readonly longitude: number;
  readonly accuracy_meters?: number | undefined;
  readonly server_received_at: string;
  readonly freshness_status: 'recent' | 'stale';
}

/** A whole document. The emergency notice comes first, whatever else there is to say. */
function document(warning: string, content: Child, script: boolean): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>Incident Viewer</title>
<link rel="stylesheet" href="${VIEWER_CSS_PATH}">
${script && html`<script src="${VIEWER_SCRIPT_PATH}" defer></script>`}
</head>
<body>
<a class="skip" href="#content">Skip to what is known</a>
<header class="emergency"><p><strong>${warning}</strong></p></header>
${content}
</body>
</html>
`.toString();
}

/** When anything was heard last: a check-in, or a piece of a recording. */
function heardAt({ latest_checkin: checkin, media }: ShownIncident): string | undefined {
  const times = media.map(({ latest_chunk: chunk }) => chunk?.created_at);
  return [checkin?.created_at, ...times].reduce((a, b) => (a === undefined || (b ?? '') > a ? (b ?? a) : a));
}

function lastHeard(shown: ShownIncident): Html {
  const { latest_checkin: checkin, media, generated_at: now } = shown;
  const heard = heardAt(shown);
  const battery = checkin?.device_battery_percent;
  const network = checkin?.device_network;
  const piece = heardAt({ ...shown, latest_checkin: undefined, media });
  return html`<section aria-labelledby="heard">
<h2 id="heard">Last heard from</h2>
<p class="hero" data-part="heard">${moment(heard, now)}</p>
<dl>
${pair('Last check-in', html`data-latest-checkin`, moment(checkin?.created_at, now))}
${pair('Last piece of a recording', html`data-part="piece"`, moment(piece, now))}
${pair('Battery', html`data-part="battery"`, battery !== undefined && `${battery} %`, battery === undefined)}
${pair('Network', html`data-part="network"`, network, network === undefined)}
</dl>
</section>`;
}

function lastPlace(place: ShownLocation | undefined, now: string): Html {
  return html`<section aria-labelledby="place">
<h2 id="place">Last location</h2>
<p class="hero place" data-part="place">${place ? coordinates(place.latitude, place.longitude) : WORDS.noLocation}</p>
${part('accuracy', accuracy(place?.accuracy_meters))}
<p class="when" data-part="place-time"${place === undefined && html` hidden`}>${moment(place?.server_received_at, now, '')}</p>
${part('old', place?.freshness_status === 'stale' ? WORDS.oldLocation : '', 'old')}
</section>`;
}

/** Empty recordings, from which the script makes those that come later. */
function blanks(now: string): Html {
  const of = (status: ShownStream['status']) =>
    recording({ id: '', media_type: 'audio', status, chunk_count: 0, total_bytes: 0 }, now);
  return html`<template data-blank="complete">${of('complete')}</template><template data-blank="other">${of('open')}</template>`;
}

function allRecordings({ streams, media, generated_at: now }: ShownIncident, base: string): Html {
  const complete = streams.filter(({ status }) => status === 'complete');
  const others = streams.filter(({ status }) => status !== 'complete');
  return html`<section aria-labelledby="recordings">
<h2 id="recordings">Recordings</h2>
<p class="summary" data-part="summary">${recordings(complete.length, streams.length)}</p>
<ul data-completed-recordings>${complete.map((one) => recording(one, now, base))}</ul>
<ul data-other-recordings>${others.map((one) => recording(one, now, base))}</ul>
${blanks(now)}
</section>
<section aria-labelledby="everything">
<h2 id="everything">Keep a copy</h2>
${part('kept', complete.length > 0 ? WORDS.kept : WORDS.keptNothing)}
${download('incident', `${base}/incident/download`, ' (everything that is complete)')}
<p class="soft">A bundle is a ZIP file of recordings as they left the device: encrypted, so that neither this page nor this server can open them; whoever holds the keys opens it with <code>sallyport open BUNDLE --keys FILE</code>.</p>
</section>
<section aria-labelledby="arrived">
<h2 id="arrived">What has arrived</h2>
<table role="table"><thead role="rowgroup"><tr role="row">${['From', 'Saved', 'Newest'].map((name) => html`<th role="columnheader" scope="col">${name}</th>`)}</tr></thead>
<tbody role="rowgroup" data-media-rows>${media.map((one) => mediaRow(one, now))}</tbody></table>
</section>`;
}

/**
 * The page of a link that shows something.
 * @param token as it stands in the link; only links of the page itself hold it
 */
export function viewerPage(shown: ShownIncident, place: ShownLocation | undefined, token: string): string {
  const { incident, generated_at: now } = shown;
  const { status, client_label: label = '' } = incident;
  // Relative to the page, so that it holds under every path that leads here.
  const base = encodeURIComponent(token);
  return document(
    shown.warning,
    html`<main id="content" tabindex="-1" data-incident-view data-generated="${now}">
<h1>Incident Viewer</h1>
<p class="title" data-incident-client-label${label === '' && html` hidden`}>${label}</p>
<p class="state"><span class="badge ${status === 'open' ? 'good' : 'plain'}" data-incident-status>${WORDS.incident[status]}</span> <span data-part="says">${WORDS.incidentSays[status]}</span></p>
<p class="news" role="status" data-part="news"></p>
${lastHeard(shown)}
${lastPlace(place, now)}
${allRecordings(shown, base)}
<footer>
<dl>
${pair('Started', html`data-incident-created`, moment(incident.created_at, now))}
${pair('Last change', html`data-incident-updated`, moment(incident.updated_at, now))}
</dl>
<p data-part="as-of">As of ${day(now)}. Reload this page to see what is new.</p>
<p class="soft">All times are UTC. This page only shows; it cannot change or open anything.</p>
</footer>
</main>`,
    true,
  );
}

/** A page that says one thing. */
export function viewerNotice(warning: string, title: string, sentence: string): string {
  return document(
    warning,
    html`<main id="content" tabindex="-1">
<h1>Incident Viewer</h1>
<section class="notice"><h2>${title}</h2>
<p>${sentence}</p></section>
</main>`,
    false,
  );
}
