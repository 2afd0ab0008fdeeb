/** A name from a sealed paste, made into a file name that is safe in the current folder on any system. */

const MAX_BYTES = 200;
/** Devices in every folder of Windows, whatever follows after a dot. */
const RESERVED =
  /^(con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])(\.|$)/i;

/**
 * The last component of `name`, without what a path, a shell or a terminal could take for something else:
 * separators, control and invisible characters, leading dots and dashes, trailing dots and spaces, reserved names.
 * Never empty: `fallback` where nothing is left.
 */
export function safeFileName(name: string | undefined, fallback: string): string {
  const last = (name ?? '').split(/[/\\]/).at(-1) ?? '';
  const cleaned = last
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}<>:"|?*]/gu, '_')
    .replace(/^[\s.\-~]+/u, '')
    .replace(/[\s.]+$/u, '');
  const short = shortened(cleaned).replace(/[\s.]+$/u, '');
  if (/^_*$/.test(short)) return fallback;
  return RESERVED.test(short) ? `_${short}` : short;
}

/** `report.pdf`, `report.1.pdf`, `report.2.pdf`, … */
export function numberedName(name: string, number: number): string {
  if (number === 0) return name;
  const dot = name.lastIndexOf('.');
  return dot <= 0 ? `${name}.${number}` : `${name.slice(0, dot)}.${number}${name.slice(dot)}`;
}

/** Cut between characters, the extension kept where it is a short one. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= MAX_BYTES) return name;
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && name.length - dot <= 16 ? name.slice(dot) : '';
  let stem = '';
  for (const character of name.slice(0, name.length - extension.length)) {
    if (Buffer.byteLength(stem + character + extension) > MAX_BYTES) break;
    stem += character;
  }
  return stem + extension;
}
