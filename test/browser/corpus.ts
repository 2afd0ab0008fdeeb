/**
 * Active content: everything that a browser might run, render or follow. Each piece, where it is run, shows a
 * dialog, writes a line to the console and asks for a URL.
 */
import { deflateSync } from 'node:zlib';

/** What a piece does when it runs; `ASKED` is what it asks for. */
export const MARKER = 'active-content-has-run';
export const ASKED = '/active-content-has-asked';

const SCRIPT = `console.log('${MARKER}');try{alert('${MARKER}')}catch(e){}try{fetch('${ASKED}')}catch(e){}`;
const PIXEL = `<img src="${ASKED}-img" onerror="${SCRIPT}">`;

export interface Piece {
  readonly name: string;
  /** The type that it would run as, and that a client claims at upload. */
  readonly type: string;
  readonly bytes: Uint8Array;
  /** It is a real image as well, and comes back as one. */
  readonly image?: string;
}

const latin1 = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));
const utf8 = (text: string) => new Uint8Array(Buffer.from(text));
const utf16le = (text: string, bom = true) =>
  new Uint8Array(Buffer.from((bom ? '\ufeff' : '') + text, 'utf16le'));
const utf16be = (text: string) => new Uint8Array(Buffer.from(`\ufeff${text}`, 'utf16le').swap16());
const join = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

const HTML = `<!doctype html><html><head><meta http-equiv="refresh" content="0;url=${ASKED}-refresh">
<link rel="stylesheet" href="${ASKED}-css"><script>${SCRIPT}</script></head>
<body onload="${SCRIPT}">${PIXEL}<form action="${ASKED}"></form></body></html>`;
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" onload="${SCRIPT}"><script>${SCRIPT}</script>
<foreignObject><body xmlns="http://www.w3.org/1999/xhtml">${PIXEL.replace('>', '/>')}</body></foreignObject></svg>`;
const XSLT = `<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="#s"?><!DOCTYPE x [<!ATTLIST xsl:stylesheet id ID #REQUIRED>]>
<x><xsl:stylesheet id="s" version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:template match="/"><html><body><script>${SCRIPT}</script></body></html></xsl:template></xsl:stylesheet></x>`;
const XHTML = `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body><script>${SCRIPT}</script></body></html>`;
const CSS = `body{background:url(${ASKED}-css)}@import "${ASKED}-import";`;
const PDF = `%PDF-1.7
1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert\\('${MARKER}'\\))>>>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj
trailer<</Root 1 0 R>>
%%EOF`;
const MHTML = `From: <Saved by Blink>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; type="text/html"; boundary="x"\r\n
\r\n--x\r\nContent-Type: text/html\r\nContent-Location: http://door.test/\r\n\r\n${HTML}\r\n--x--\r\n`;
const MULTIPART = `--x\r\nContent-Type: text/html\r\n\r\n${HTML}\r\n--x--\r\n`;
const HTA = `<html><head><HTA:APPLICATION/><script language="VBScript">MsgBox "${MARKER}"</script></head></html>`;

/** A GIF of one pixel whose header reads as an assignment in JavaScript. */
function gifAndScript(): Uint8Array {
  const header = latin1('GIF89a/*\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff');
  const image = latin1('\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00\x3b');
  return join(header, image, latin1(`*/=1;${SCRIPT}`));
}

function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function pngChunk(type: string, data: Uint8Array): Uint8Array {
  const body = join(latin1(type), data);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return join(frame.subarray(0, 4), body, frame.subarray(4));
}

/** A PNG of one pixel with a page in a text chunk and after its end. */
function pngAndPage(): Uint8Array {
  const header = Buffer.from('0000000100000001080600000000', 'hex').subarray(0, 13);
  return join(
    latin1('\x89PNG\r\n\x1a\n'),
    pngChunk('IHDR', header),
    pngChunk('tEXt', latin1(`Comment\0${HTML}`)),
    pngChunk('IDAT', deflateSync(Buffer.alloc(5))),
    pngChunk('IEND', new Uint8Array(0)),
    latin1(HTML),
  );
}

/** A JPEG's first markers with a page in a comment. */
function jpegAndPage(): Uint8Array {
  const comment = latin1(HTML);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(comment.length + 2);
  const jfif = latin1('\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00');
  return join(jfif, latin1('\xff\xfe'), length, comment, latin1('\xff\xd9'), latin1(HTML));
}

/** A WebP's frame around a page. */
function webpAndPage(): Uint8Array {
  const page = latin1(HTML);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(page.length + 12);
  return join(latin1('RIFF'), size, latin1('WEBPVP8 '), size, page);
}

const FLASH = join(
  latin1('FWS\x0a\x40\x00\x00\x00'),
  latin1('\x78\x00\x05\x5f\x00\x00\x0f\xa0\x00\x00\x0c\x01\x00'),
);
const WASM = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

const LEADING: readonly (readonly [string, string])[] = [
  ['a comment', '<!-- harmless -->'],
  ['white space', ' \t\r\n\f\v'],
  ['a byte order mark', '\ufeff'],
  ['a thousand spaces', ' '.repeat(1000)],
  ['nine thousand spaces', ' '.repeat(9000)],
  ['a NUL', '\0'],
  ['a line of text', 'dear reader,\n'],
  ['an XML declaration', '<?xml version="1.0"?>'],
];

export const corpus: readonly Piece[] = [
  { name: 'HTML', type: 'text/html', bytes: utf8(HTML) },
  { name: 'HTML in upper case', type: 'text/html', bytes: utf8(HTML.toUpperCase()) },
  ...LEADING.map(([what, text]) => ({
    name: `HTML after ${what}`,
    type: 'text/html',
    bytes: utf8(text + HTML),
  })),
  { name: 'a fragment', type: 'text/html', bytes: utf8(`<script>${SCRIPT}</script>`) },
  { name: 'an image with a handler', type: 'text/html', bytes: utf8(PIXEL) },
  {
    name: 'a frame with a script URL',
    type: 'text/html',
    bytes: utf8(`<iframe src="javascript:${SCRIPT}">`),
  },
  { name: 'HTML in Latin-1', type: 'text/html', bytes: latin1(`${HTML}\xe4\xff`) },
  { name: 'HTML in UTF-16, little end first', type: 'text/html', bytes: utf16le(HTML) },
  { name: 'HTML in UTF-16, big end first', type: 'text/html', bytes: utf16be(HTML) },
  { name: 'HTML in UTF-16 without a mark', type: 'text/html', bytes: utf16le(HTML, false) },
  {
    name: 'HTML in UTF-7',
    type: 'text/html; charset=utf-7',
    bytes: utf8(`+ADw-script+AD4-${SCRIPT}+ADw-/script+AD4-`),
  },
  { name: 'HTML with a half character', type: 'text/html', bytes: join(utf8(HTML), latin1('\xe2\x82')) },
  { name: 'HTML after bytes', type: 'text/html', bytes: join(latin1('\xff\xfe\xfd'), utf8(HTML)) },
  { name: 'an HTML application', type: 'application/hta', bytes: utf8(HTA) },
  { name: 'SVG', type: 'image/svg+xml', bytes: utf8(SVG) },
  { name: 'SVG with a declaration', type: 'image/svg+xml', bytes: utf8(`<?xml version="1.0"?>\n${SVG}`) },
  {
    name: 'SVG in Latin-1',
    type: 'image/svg+xml',
    bytes: latin1(`<?xml version="1.0" encoding="ISO-8859-1"?>${SVG}<!--\xe4-->`),
  },
  { name: 'XML with a style sheet of its own', type: 'text/xml', bytes: utf8(XSLT) },
  { name: 'XHTML', type: 'application/xhtml+xml', bytes: utf8(XHTML) },
  { name: 'XHTML in UTF-16', type: 'application/xhtml+xml', bytes: utf16le(XHTML) },
  {
    name: 'a feed',
    type: 'application/rss+xml',
    bytes: utf8(`<?xml version="1.0"?><rss><a>${HTML}</a></rss>`),
  },
  { name: 'JavaScript', type: 'text/javascript', bytes: utf8(SCRIPT) },
  { name: 'JavaScript in Latin-1', type: 'text/javascript', bytes: latin1(`/*\xe4*/${SCRIPT}`) },
  { name: 'a module', type: 'text/javascript', bytes: utf8(`${SCRIPT};export default 1`) },
  { name: 'a service worker', type: 'text/javascript', bytes: utf8(`onfetch=()=>{};${SCRIPT}`) },
  { name: 'JSONP', type: 'application/javascript', bytes: utf8(`callback({});${SCRIPT}`) },
  { name: 'an import map', type: 'application/importmap+json', bytes: utf8('{"imports":{"a":"/b"}}') },
  { name: 'CSS', type: 'text/css', bytes: utf8(CSS) },
  { name: 'CSS in Latin-1', type: 'text/css', bytes: latin1(`/*\xe4*/${CSS}`) },
  { name: 'PDF', type: 'application/pdf', bytes: utf8(PDF) },
  { name: 'PDF after text', type: 'application/pdf', bytes: utf8(`hello\n${PDF}`) },
  { name: 'PDF with bytes', type: 'application/pdf', bytes: join(utf8(PDF), latin1('\xe2\xe3\xcf\xd3')) },
  { name: 'MHTML', type: 'multipart/related', bytes: utf8(MHTML) },
  { name: 'multipart', type: 'multipart/x-mixed-replace; boundary=x', bytes: utf8(MULTIPART) },
  { name: 'an e-mail', type: 'message/rfc822', bytes: utf8(`Content-Type: text/html\r\n\r\n${HTML}`) },
  { name: 'Flash', type: 'application/x-shockwave-flash', bytes: FLASH },
  { name: 'WebAssembly', type: 'application/wasm', bytes: WASM },
  { name: 'an app manifest', type: 'application/manifest+json', bytes: utf8('{"start_url":"javascript:1"}') },
  {
    name: 'an Internet shortcut',
    type: 'application/x-url',
    bytes: utf8(`[InternetShortcut]\nURL=${ASKED}`),
  },
  { name: 'a zip that is a page too', type: 'text/html', bytes: join(latin1('PK\x03\x04'), utf8(HTML)) },
  { name: 'gzip that is a page too', type: 'text/html', bytes: join(latin1('\x1f\x8b\x08\x00'), utf8(HTML)) },
  {
    name: 'a signature of PNG alone, then a page',
    type: 'text/html',
    bytes: join(latin1('\x89PNG\r\n\x1a\n'), utf8(HTML)),
  },
  {
    name: 'a signature of GIF alone, then a script',
    type: 'text/javascript',
    bytes: utf8(`GIF89a=1;${SCRIPT}`),
  },
  { name: 'a signature of BMP, then a script', type: 'text/javascript', bytes: utf8(`BM=1;${SCRIPT}`) },
  { name: 'GIF and script', type: 'text/javascript', bytes: gifAndScript(), image: 'image/gif' },
  { name: 'PNG and page', type: 'text/html', bytes: pngAndPage(), image: 'image/png' },
  { name: 'JPEG and page', type: 'text/html', bytes: jpegAndPage(), image: 'image/jpeg' },
  { name: 'WebP and page', type: 'text/html', bytes: webpAndPage(), image: 'image/webp' },
];
