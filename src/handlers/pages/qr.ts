/**
 * QR codes (ISO/IEC 18004) as inline SVG: no script, no style, nothing to fetch, so that they stand under the
 * strictest content security policy. Dark on white whatever the page's colours are, since scanners want that.
 */
import { encode } from 'uqr';

/** The quiet zone that the standard asks for, in modules. */
const QUIET = 4;
/** Pixels a module: a whole number, else edges blur. */
const MODULE = 4;
/** Longer texts make codes that a phone can hardly read off a screen. */
const MAX_CHARS = 512;

/**
 * An `<svg>` element showing `text` as a QR code.
 *
 * @param title what a screen reader says in its place. It must not hold the text, which is a secret as a rule.
 */
export function qrSvg(text: string, title: string): string {
  if (text.length > MAX_CHARS) throw new RangeError('the text is too long for a QR code');
  const { data, size } = encode(text, { ecc: 'M', border: QUIET });
  const pixels = size * MODULE;
  const name = escapeXml(title);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" width="${pixels}" height="${pixels}" ` +
    `role="img" aria-label="${name}" shape-rendering="crispEdges" class="qr"><title>${name}</title>` +
    `<path fill="#fff" d="M0 0h${size}v${size}H0z"/><path fill="#000" d="${outline(data)}"/></svg>`
  );
}

/** One rectangle for each run of dark modules in a row. */
function outline(rows: readonly (readonly boolean[])[]): string {
  let path = '';
  for (const [y, row] of rows.entries()) {
    for (let x = 0; x < row.length; x += 1) {
      if (row[x] !== true) continue;
      const from = x;
      while (row[x + 1] === true) x += 1;
      const run = x - from + 1;
      path += `M${from} ${y}h${run}v1h-${run}z`;
    }
  }
  return path;
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
