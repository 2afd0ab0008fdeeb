/** The heads of multipart bodies, read strictly: what two readers could take in two ways is malformed. */
import { Fault } from '../../core/faults.ts';

/** A header's value and its parameters, the names of both in lower case. */
interface Parameterised {
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const VALUE = new RegExp(`^${TOKEN}(?:/${TOKEN})?(?=[ \\t]*(?:;|$))`);
/** A backslash may stand for itself, as browsers send it in file names, or before a quote. */
const PARAMETER = new RegExp(`[ \\t]*;[ \\t]*(${TOKEN})=(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))[ \\t]*`, 'y');
const NAME = new RegExp(`^${TOKEN}$`);
/** Everything but visible characters, spaces and tabs. */
const CONTROL = /[^\t\P{Cc}]/u;

/** @returns undefined for another grammar than `value *( ; name=value )`, or a parameter that stands twice */
function parameterised(text: string): Parameterised | undefined {
  const [value] = VALUE.exec(text) ?? [];
  if (value === undefined) return undefined;
  const parameters = new Map<string, string>();
  PARAMETER.lastIndex = value.length;
  let end = value.length;
  for (let found = PARAMETER.exec(text); found !== null; found = PARAMETER.exec(text)) {
    const [, name = '', quoted, token] = found;
    if (parameters.has(name.toLowerCase())) return undefined;
    parameters.set(name.toLowerCase(), quoted?.replace(/\\(["\\])/g, '$1') ?? token ?? '');
    end = PARAMETER.lastIndex;
  }
  return text.slice(end).trim() === '' ? { value: value.toLowerCase(), parameters } : undefined;
}

/** RFC 2046 §5.1.1. */
const BOUNDARY = /^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$/;

/** The boundary that a request's `Content-Type` names. @throws Fault `invalid_multipart` */
export function boundaryOf(contentType: string | null): string {
  const type = parameterised((contentType ?? '').trim());
  const boundary = type?.parameters.get('boundary') ?? '';
  if (type?.value !== 'multipart/form-data' || !BOUNDARY.test(boundary)) {
    throw new Fault('invalid_multipart', {
      message: 'Content-Type must be multipart/form-data with a boundary',
    });
  }
  return boundary;
}

/** What a part of a form says of itself (RFC 7578 §4.2). */
export interface PartHead {
  readonly name: string;
  /** As it came; `filename*` does not exist in forms and is not looked at. */
  readonly filename?: string;
  /** Of text, in lower case. */
  readonly charset?: string;
}

/** Encodings that leave the bytes as they are (RFC 2045 §6.2); all others are deprecated in forms. */
const PLAIN_ENCODINGS = ['7bit', '8bit', 'binary'];

/**
 * Parses what stands between a delimiter and the body of a part, without the empty line: padding, then header lines.
 * @throws Fault `invalid_multipart` for folded lines, control characters, text that is not UTF-8, a repeated header,
 *   a part without a name, and an encoding of the body
 */
export function partHead(bytes: Uint8Array): PartHead {
  const malformed = new Fault('invalid_multipart');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed;
  }
  const [padding = '', ...lines] = text.split('\r\n');
  if (!/^[ \t]*$/.test(padding)) throw malformed;
  const headers = new Map<string, string>();
  for (const line of lines) {
    // Not one expression: what backtracks over spaces takes a sender's time for ours.
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    if (!NAME.test(name) || CONTROL.test(line) || headers.has(name)) throw malformed;
    headers.set(name, line.slice(colon + 1).trim());
  }
  const encoding = headers.get('content-transfer-encoding');
  if (encoding !== undefined && !PLAIN_ENCODINGS.includes(encoding.toLowerCase())) throw malformed;
  const disposition = parameterised(headers.get('content-disposition') ?? '');
  const name = disposition?.parameters.get('name');
  if (disposition?.value !== 'form-data' || name === undefined) throw malformed;
  const filename = disposition.parameters.get('filename');
  const charset = parameterised(headers.get('content-type') ?? '')?.parameters.get('charset');
  return {
    name,
    ...(filename !== undefined && { filename }),
    ...(charset !== undefined && { charset: charset.toLowerCase() }),
  };
}
