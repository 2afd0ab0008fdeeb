/** Posted forms, strictly: small, well-formed, no field twice, and none that the form does not have. */
import type { Deps } from '../../core/deps.ts';
import { Fault, type FaultKind } from '../../core/faults.ts';
import { bodyOf, collect } from '../kit/body.ts';

const TYPE = 'application/x-www-form-urlencoded';
const LIMIT = 64 * 1024;

/** The fields of a form by name. What was left out is absent. */
export type Form<Name extends string> = Readonly<Partial<Record<Name, string>>>;

/** What {@link readForm} refuses. */
export const FORM_FAULTS: readonly FaultKind[] = [
  'invalid_form',
  'unsupported_media_type',
  'request_too_large',
  'request_timeout',
  'request_aborted',
];

/** One name or value: UTF-8, percent-encoded, `+` for a space (WHATWG URL Standard §5.1). */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new Fault('invalid_form');
  }
}

/**
 * The fields of a request's form.
 * @throws Fault `request_too_large`, `unsupported_media_type`; `invalid_form` for text that is not UTF-8 in
 *   percent-encoding, and for a field that comes twice or that is not in `names`
 */
export async function readForm<Name extends string>(
  request: Request,
  deps: Pick<Deps, 'after' | 'elapsed'>,
  names: readonly Name[],
): Promise<Form<Name>> {
  const body = await collect(bodyOf(request, deps), LIMIT, 'request_too_large');
  const fields: Partial<Record<Name, string>> = {};
  if (body.length === 0) return fields;
  const [type = ''] = (request.headers.get('content-type') ?? '').split(';');
  if (type.trim().toLowerCase() !== TYPE) throw new Fault('unsupported_media_type');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    throw new Fault('invalid_form');
  }
  for (const pair of text.split('&')) {
    const [rawName = '', ...rest] = pair.split('=');
    const given = decoded(rawName);
    const name = names.find((known) => known === given);
    if (name === undefined || fields[name] !== undefined) throw new Fault('invalid_form');
    fields[name] = decoded(rest.join('='));
  }
  return fields;
}
