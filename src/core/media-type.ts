/**
 * What a paste's bytes are, by themselves, and as what they may leave. Nothing that a browser would run ever
 * leaves under its own name.
 */
/** How much of a body's beginning decides. */
export const MEDIA_TYPE_PREFIX_BYTES = 8192;

const TEXT = 'text/plain';
/** What nothing more is known of. */
export const BYTES = 'application/octet-stream';
const SHOWN_IMAGES: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);

/**
 * Formats that are written in text but that nobody reads as text, with signatures too long to be the beginning of
 * a sentence. For all other text a signature says nothing: many are two or three letters.
 */
const WRITTEN_IN_TEXT: ReadonlySet<string> = new Set([
  'application/pdf',
  'application/eps',
  'application/postscript',
  'application/rtf',
]);

/** What browsers render or run as a document. Found in bytes that are not even UTF-8, it is bytes to us. */
const ACTIVE = /^text\/|[/+-](xml|html|javascript|ecmascript)$/;

/**
 * The MIME type of a body: magic bytes first, then UTF-8 (`text/plain`), then `application/octet-stream`. HTML,
 * SVG, XML and scripts are text like any other, also where they begin like an image.
 *
 * @param prefix the first {@link MEDIA_TYPE_PREFIX_BYTES} of the body, or all of it
 * @param utf8 whether the whole body is valid UTF-8
 */
export async function mediaType(prefix: Uint8Array, utf8: boolean): Promise<string> {
  // No text holds a NUL; a binary format that happens to be valid UTF-8 (a small GIF, a tar of texts) does.
  const text = utf8 && !prefix.includes(0);
  // Going through all signatures costs more than all else that is done with a small text.
  if (text && !mayBeWrittenInText(prefix)) return TEXT;
  const magic = await magicType(prefix);
  if (text) return magic !== undefined && WRITTEN_IN_TEXT.has(magic) ? magic : TEXT;
  const image = imageType(prefix);
  if (image !== undefined) return image;
  if (magic !== undefined && !ACTIVE.test(magic) && !SHOWN_IMAGES.has(magic)) return magic;
  return utf8 ? TEXT : BYTES;
}

/** Whether the beginnings `%!` (PostScript, EPS), `%P` (PDF) or `{\\` (RTF) occur at all, be it behind some mark. */
function mayBeWrittenInText(prefix: Uint8Array): boolean {
  return (
    occurs(prefix, 0x25, (next) => next === 0x21 || next === 0x50) ||
    occurs(prefix, 0x7b, (next) => next === 0x5c)
  );
}

/** Whether a byte occurs with one behind it that fits. */
function occurs(bytes: Uint8Array, byte: number, fits: (next: number | undefined) => boolean): boolean {
  for (let at = bytes.indexOf(byte); at !== -1; at = bytes.indexOf(byte, at + 1)) {
    if (fits(bytes[at + 1])) return true;
  }
  return false;
}

let signatures: Promise<typeof import('file-type')> | undefined;

async function magicType(prefix: Uint8Array): Promise<string | undefined> {
  // With the first upload, not with the start; and once, since even what is loaded costs 7 µs to import.
  signatures ??= import('file-type').catch((error: unknown) => {
    signatures = undefined;
    throw error;
  });
  const { fileTypeFromBuffer } = await signatures;
  try {
    return (await fileTypeFromBuffer(prefix))?.mime;
  } catch {
    // A parser of dozens of formats, given hostile or cut-off bytes. That it gives up is an answer.
    return undefined;
  }
}

/**
 * PNG (also animated, and by its first chunk), JPEG, GIF and WebP by their whole signatures: the library takes `GIF`
 * for one, and of a PNG it reads on to the image, and gives up where what follows is not what it expects.
 */
function imageType(bytes: Uint8Array): string | undefined {
  if (holds(bytes, 0, '\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR')) return 'image/png';
  // A marker code of JPEG-LS (ISO/IEC 14495-1) makes it one of those, which browsers do not show.
  if (holds(bytes, 0, '\xff\xd8\xff') && bytes[3] !== 0xf7) return 'image/jpeg';
  if (holds(bytes, 0, 'GIF87a') || holds(bytes, 0, 'GIF89a')) return 'image/gif';
  return holds(bytes, 0, 'RIFF') && holds(bytes, 8, 'WEBP') ? 'image/webp' : undefined;
}

function holds(bytes: Uint8Array, offset: number, signature: string): boolean {
  for (let i = 0; i < signature.length; i += 1) {
    if (bytes[offset + i] !== signature.charCodeAt(i)) return false;
  }
  return true;
}

export interface ServedType {
  /** The answer's `Content-Type`. */
  readonly contentType: string;
  /** Whether `Content-Disposition` is `inline`; `attachment` otherwise. */
  readonly inline: boolean;
}

/** As what the bytes of a stored type are sent: plain text and four kinds of image, else a download of bytes. */
export function servedType(mimeType: string): ServedType {
  if (mimeType === TEXT) return { contentType: 'text/plain; charset=utf-8', inline: true };
  if (SHOWN_IMAGES.has(mimeType)) return { contentType: mimeType, inline: true };
  return { contentType: BYTES, inline: false };
}
