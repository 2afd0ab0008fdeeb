/**
 * Parts of the viewer's script, as text. They use what the script defines before them: its words, the hooks of the
 * page, and the server's clock.
 */

/** How times, sizes and places are said: as `viewer-words.ts` says them. */
export const SAYING = `  // How times, sizes and places are said: as the server says them.
  const amount = (count, noun) => count + ' ' + noun + (count === 1 ? '' : 's');
  const day = (iso) =>
    Number(iso.slice(8, 10)) + ' ' + MONTHS[Number(iso.slice(5, 7)) - 1] + ' ' + iso.slice(0, 4) + ', ' +
    iso.slice(11, 16) + ' UTC';
  const age = (ms) => {
    const minutes = Math.floor(ms / 60000);
    if (minutes < 1) return 'less than a minute ago';
    if (minutes < 60) return amount(minutes, 'minute') + ' ago';
    const hours = Math.floor(minutes / 60);
    const rest = minutes % 60;
    if (hours < 24) return amount(hours, 'hour') + (rest > 0 ? ' ' + amount(rest, 'minute') : '') + ' ago';
    return amount(Math.floor(hours / 24), 'day') + ' ago';
  };
  const size = (bytes) => {
    if (bytes < 1e6) return Math.ceil(bytes / 1000) + ' kB';
    if (bytes < 1e9) return (bytes / 1e6).toFixed(1) + ' MB';
    return (bytes / 1e9).toFixed(1) + ' GB';
  };
  const coordinates = (place) => Number(place.latitude.toFixed(6)) + ', ' + Number(place.longitude.toFixed(6));
  const accuracy = (meters) => {
    if (meters === undefined) return '';
    if (meters < 1000) return 'Accurate to about ' + amount(Math.max(1, Math.round(meters)), 'metre') + '.';
    return 'Accurate to about ' + (meters / 1000).toFixed(1) + ' kilometres.';
  };
  const recordings = (complete, all) =>
    all === 0
      ? 'No recording has been started yet.'
      : complete + ' of ' + all + (all === 1 ? ' recording is' : ' recordings are') + ' complete.';
  const safe = (stream) => {
    const held = amount(stream.chunk_count, 'piece') + ', ' + size(stream.total_bytes);
    if (stream.status === 'complete') return held + '.';
    if (stream.status === 'failed') return held + ' were saved before it stopped.';
    return stream.chunk_count === 0
      ? 'Nothing has arrived of it yet.'
      : held + ' saved so far. It can be downloaded once it is complete.';
  };

`;

/** How texts are put into the page. */
export const WRITING = `  // Writing: only what has changed, so that nothing flickers and no selection is lost.
  const put = (node, text) => {
    if (node.textContent !== text) node.textContent = text;
  };
  const show = (node, shown) => {
    if (node.hidden === shown) node.hidden = !shown;
  };
  const putClass = (node, names) => {
    if (node.className !== names) node.className = names;
  };
  const putOrHide = (node, text) => {
    put(node, text);
    show(node, text !== '');
  };
  const putMoment = (node, iso, never = WORDS.never) => {
    const [words, time] = node.querySelectorAll('[data-age], time');
    if (words.dataset.age !== (iso ?? '')) words.dataset.age = iso ?? '';
    if (iso === undefined) put(words, never);
    else if (time.dateTime !== iso) {
      time.dateTime = iso;
      put(time, day(iso));
    }
    show(time, iso !== undefined);
  };
  const putAges = () => {
    const now = serverNow();
    for (const node of view.querySelectorAll('[data-age]')) {
      const iso = node.dataset.age;
      if (iso !== '') put(node, age(Math.max(0, now - Date.parse(iso))));
    }
    const heard = hook('age', part('place-time')).dataset.age;
    putOrHide(part('old'), heard !== '' && now - Date.parse(heard) > FRESH ? WORDS.oldLocation : '');
  };
  const putPair = (node, text) => {
    put(node, text);
    show(node.parentNode, text !== '');
  };

`;
