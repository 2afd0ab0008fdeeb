/** The mark of the house: a gate between two towers. */
import { html } from './html.ts';

const GATE = 'M3 3h4v3h3V3h4v3h3V3h4v18h-6v-6a3 3 0 0 0-6 0v6H3z';

/** In the colour of the text around it; what it stands beside says the name. */
export const MARK = html`<svg class="mark" viewBox="0 0 24 24" width="28" height="28" aria-hidden="true" focusable="false"><path fill="currentColor" d="${GATE}"/></svg>`;

/** For a browser's tab, in a colour that shows on light and dark. */
export const ICON_SVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="#2a93a2" d="${GATE}"/></svg>\n`;

export const ICON_PATH = '/admin/static/icon.svg';
