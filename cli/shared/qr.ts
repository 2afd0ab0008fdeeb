/** A QR code of half blocks, two rows of modules in a line of text. */

import { encode } from 'uqr';

const BORDER = 2;

/** @param colours whether the terminal understands them; then dark is dark on any background */
export function qrCode(text: string, colours: boolean): string {
  const { data } = encode(text, { ecc: 'M', border: BORDER });
  const lines: string[] = [];
  for (let row = 0; row < data.length; row += 2) {
    const upper = data[row] ?? [];
    const lower = data[row + 1] ?? upper.map(() => false);
    const line = upper.map((dark, at) => block(dark, lower[at] === true)).join('');
    // White on black, so that a light module is the drawn one.
    lines.push(colours ? `\x1b[38;5;231m\x1b[48;5;16m${line}\x1b[0m` : line);
  }
  return `${lines.join('\n')}\n`;
}

function block(upperDark: boolean, lowerDark: boolean): string {
  if (upperDark) return lowerDark ? ' ' : '▄';
  return lowerDark ? '▀' : '█';
}
