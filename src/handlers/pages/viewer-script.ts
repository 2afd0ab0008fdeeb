/**
 * The one script of the viewer's page. It asks how things stand, and puts text into the page that the server made:
 * no markup is ever parsed, nothing is stored, and no address but the page's own is asked.
 *
 * It is text, so that it is sent as it stands here; its words come from the tables that the page is made with.
 */
import { LOCATION_FRESH_MS } from '../../core/viewer.ts';
import { SAYING, WRITING } from './viewer-script-parts.ts';
import { MONTHS, WORDS } from './viewer-words.ts';

/** How often the page asks, in milliseconds. */
const PERIOD_MS = 10_000;
/** The longest pause between two questions while the server does not answer. */
const LONGEST_PAUSE_MS = 160_000;

export const VIEWER_SCRIPT = `'use strict';
(() => {
  const WORDS = ${JSON.stringify(WORDS)};
  const MONTHS = ${JSON.stringify(MONTHS)};
  const PERIOD = ${PERIOD_MS};
  const LONGEST_PAUSE = ${LONGEST_PAUSE_MS};
  const FRESH = ${LOCATION_FRESH_MS};

  const view = document.querySelector('[data-incident-view]');
  if (view === null || view.dataset.generated === undefined) return;
  const hook = (name, within = view) => within.querySelector('[data-' + name + ']');
  const part = (name, within = view) => within.querySelector('[data-part="' + name + '"]');

  // The server's clock, carried on by ours, which may be wrong.
  let base = { server: Date.parse(view.dataset.generated), own: Date.now() };
  const serverNow = () => base.server + Math.max(0, Date.now() - base.own);

${SAYING}${WRITING}  // The path of this page holds the token; a link holds its last segment, as those of the server do.
  const here = location.pathname;
  const relative = here.slice(here.lastIndexOf('/') + 1);

  const putRecording = (item, stream) => {
    const kind = WORDS.kinds[stream.media_type];
    const label = stream.label ?? '';
    const ended = stream.completed_at ?? stream.failed_at;
    put(part('kind', item), kind);
    const state = part('state', item);
    put(state, WORDS.states[stream.status]);
    putClass(state, 'badge ' + WORDS.tones[stream.status]);
    putOrHide(part('label', item), label);
    put(part('safe', item), safe(stream));
    put(part('ended-words', item), WORDS.ended[stream.status]);
    putMoment(part('ended', item), ended, '');
    show(part('ended', item), ended !== undefined);
    putOrHide(part('reason', item), stream.failure_reason === undefined ? '' : 'Reason given: ' + stream.failure_reason);
    const link = part('link', item);
    if (link !== null) {
      const path = relative + '/streams/' + encodeURIComponent(stream.id) + '/download';
      if (link.getAttribute('href') !== path) {
        link.setAttribute('href', path);
        link.dataset.streamDownload = '';
      }
      put(part('of', item), ' (' + kind + (label === '' ? '' : ', ' + label) + ')');
    }
  };
  const blank = (name) => hook('blank="' + name + '"').content.firstElementChild.cloneNode(true);

  // The items of a list in its order; those that are there already are kept as they are.
  const putList = (list, name, streams) => {
    const kept = new Map([...list.children].map((item) => [item.dataset.recording, item]));
    let next = list.firstElementChild;
    for (const stream of streams) {
      const item = kept.get(stream.id) ?? blank(name);
      kept.delete(stream.id);
      if (item.dataset.recording !== stream.id) item.dataset.recording = stream.id;
      putRecording(item, stream);
      if (item === next) next = next.nextElementSibling;
      else list.insertBefore(item, next);
    }
    for (const item of kept.values()) item.remove();
  };

  // What is said aloud: only what changes how things stand, each once.
  const news = part('news');
  const say = (text, trouble = false) => {
    put(news, text);
    news.classList.toggle('trouble', trouble);
  };
  const troubled = () => news.classList.contains('trouble');
  const statesOf = () =>
    new Map([...view.querySelectorAll('[data-recording]')].map((item) => [item.dataset.recording, item.parentNode]));

  const newest = (times) => times.reduce((a, b) => (a === undefined || (b !== undefined && b > a) ? b : a), undefined);

  function render(data, place) {
    base = { server: Date.parse(data.generated_at), own: Date.now() };
    const told = [];
    const { incident, latest_checkin: checkin, streams } = data;
    putOrHide(hook('incident-client-label'), incident.client_label ?? '');
    const status = hook('incident-status');
    if (status.textContent !== WORDS.incident[incident.status]) told.push('The incident is now ' + incident.status + '.');
    put(status, WORDS.incident[incident.status]);
    putClass(status, 'badge ' + (incident.status === 'open' ? 'good' : 'plain'));
    put(part('says'), WORDS.incidentSays[incident.status]);
    putMoment(hook('incident-created'), incident.created_at);
    putMoment(hook('incident-updated'), incident.updated_at);

    const piece = newest(data.media.map((media) => media.latest_chunk?.created_at));
    const heard = newest([checkin?.created_at, piece]);
    const before = hook('age', part('heard')).dataset.age;
    if (heard !== undefined && heard !== before && (before === '' || Date.parse(heard) - Date.parse(before) > FRESH))
      told.push('The device was heard from again.');
    putMoment(part('heard'), heard);
    putMoment(hook('latest-checkin'), checkin?.created_at);
    putMoment(part('piece'), piece);
    const battery = checkin?.device_battery_percent;
    putPair(part('battery'), battery === undefined ? '' : battery + ' %');
    putPair(part('network'), checkin?.device_network ?? '');

    put(part('place'), place === undefined ? WORDS.noLocation : coordinates(place));
    putOrHide(part('accuracy'), accuracy(place?.accuracy_meters));
    putMoment(part('place-time'), place?.at, '');
    show(part('place-time'), place !== undefined);

    const earlier = statesOf();
    const complete = streams.filter((stream) => stream.status === 'complete');
    put(part('summary'), recordings(complete.length, streams.length));
    put(part('kept'), complete.length > 0 ? WORDS.kept : WORDS.keptNothing);
    const completeList = hook('completed-recordings');
    const otherList = hook('other-recordings');
    const kind = (stream) => WORDS.kinds[stream.media_type];
    for (const stream of streams) {
      const was = earlier.get(stream.id);
      if (was === undefined) told.push('A new recording was started: ' + kind(stream) + '.');
      else if (stream.status === 'complete' && was !== completeList) told.push('A recording is complete: ' + kind(stream) + '.');
    }
    putList(completeList, 'complete', complete);
    putList(otherList, 'other', streams.filter((stream) => stream.status !== 'complete'));
    for (const media of data.media) {
      const row = view.querySelector('[data-media="' + media.media_type + '"]');
      put(part('count', row), amount(media.chunk_count, 'piece'));
      putMoment(part('latest', row), media.latest_chunk?.created_at);
    }
    putAges();
    put(part('as-of'), 'As of ' + day(data.generated_at) + '. This page updates by itself.');
    if (told.length > 0) say(told.join(' '));
    else if (troubled()) say('Connected again.');
  }

  const ask = (path) =>
    fetch(here + path, {
      headers: { accept: 'application/json' },
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      referrerPolicy: 'no-referrer',
      signal: AbortSignal.timeout(30000),
    });

  // The newest place: that of the newest check-in, or of an older one where that has none.
  async function placeOf(checkin) {
    if (checkin === undefined) return undefined;
    if (checkin.latitude !== undefined) return { ...checkin, at: checkin.created_at };
    const response = await ask('/viewer-payload');
    if (!response.ok) throw response;
    const shared = (await response.json()).latest_shared_location;
    return shared === undefined ? undefined : { ...shared, at: shared.server_received_at };
  }

  let timer;
  let asked = 0;
  let settled = 0;
  let pause = PERIOD;
  let notBefore = 0;
  let over = false;
  const plan = (ms) => {
    clearTimeout(timer);
    if (!over && !document.hidden) timer = setTimeout(poll, ms);
  };

  async function failed(trouble) {
    const refusal = trouble instanceof Response ? trouble : undefined;
    const { error } = refusal === undefined ? {} : await refusal.json().catch(() => ({}));
    if (error?.code === 'incident_token_invalid') {
      over = true;
      clearTimeout(timer);
      for (const link of view.querySelectorAll('.action')) link.hidden = true;
      say('This link does not work any more: it has expired or was revoked. What you see is how things stood before.', true);
      return;
    }
    pause = Math.min(pause * 2, LONGEST_PAUSE);
    const wait = Number(refusal?.headers.get('retry-after')) * 1000;
    if (wait > 0) pause = Math.max(pause, Math.min(wait, 4 * LONGEST_PAUSE));
    notBefore = Date.now() + pause;
    plan(pause);
    say(
      refusal?.status === 429
        ? 'Updates are paused for a moment, because too many were asked for. What you see may be out of date.'
        : 'The server cannot be reached right now. What you see may be out of date. Trying again.',
      true,
    );
  }

  async function poll() {
    asked += 1;
    const id = asked;
    // The next question does not wait for this answer.
    plan(pause);
    try {
      const response = await ask('/data');
      if (!response.ok) throw response;
      const data = await response.json();
      const place = await placeOf(data.latest_checkin);
      // An answer that comes after a newer one is out of date.
      if (over || id < settled) return;
      settled = id;
      if (pause > PERIOD) {
        pause = PERIOD;
        plan(PERIOD);
      }
      render(data, place);
    } catch (trouble) {
      if (over || id < settled) return;
      settled = id;
      await failed(trouble);
    }
  }

  // While nobody looks, nothing is asked.
  const wake = () => {
    putAges();
    plan(Math.max(0, notBefore - Date.now()));
  };
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) clearTimeout(timer);
    else wake();
  });
  addEventListener('online', wake);
  addEventListener('pageshow', (event) => {
    if (event.persisted) wake();
  });
  setInterval(() => {
    if (!document.hidden) putAges();
  }, PERIOD);
  put(part('as-of'), part('as-of').textContent.replace('Reload this page to see what is new.', 'This page updates by itself.'));
  plan(PERIOD);
})();
`;
