/** What a caller would rather have. */

/** How much a media type is wanted (RFC 9110 §12.5.1), 0 to 1; wildcards do not ask for it in particular. */
function weightOf(accept: string, type: string): number {
  for (const range of accept.split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    if (name !== type) continue;
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    return q === undefined ? 1 : Number(q.slice(2)) || 0;
  }
  return 0;
}

/** Whether an Accept header wants `type` more than JSON, or as much and names it first. JSON where it says nothing. */
export function prefers(accept: string | null, type: string): boolean {
  const wanted = (accept ?? '').toLowerCase();
  const weight = weightOf(wanted, type);
  const json = weightOf(wanted, 'application/json');
  if (weight !== json) return weight > json;
  return weight > 0 && wanted.indexOf(type) < wanted.indexOf('application/json');
}
