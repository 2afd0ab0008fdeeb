/**
 * Words that stand in what must never come here: private keys, and what only ever lies beside one. People paste the
 * wrong line of a file; what is refused at once is neither kept nor backed up.
 */
import { Fault } from './faults.ts';
import { type TextRule, textOf } from './text-fields.ts';

/** Letters and digits alone, as {@link normalised} leaves them. */
const WORDS: readonly string[] = [
  // An age identity, AGE-SECRET-KEY-1… or AGE-SECRET-KEY-PQ-1…
  'agesecretkey',
  // PEM and OpenSSH files of private keys, and what other programs call theirs.
  ...['privatekey', 'beginecprivatekey', 'beginrsaprivatekey', 'contactprivatekey'],
  ...['rawkey', 'rawmediakey', 'rawtoken', 'contentencryptionkey', 'mlkemsharedsecret', 'derivedkek'],
  ...['unwrappedsecret', 'unwrappedsharedsecret', 'browserfragmentsecret'],
  ...['serverescrowkey', 'serverescrowmaterial', 'plaintext', 'decryptedcache'],
];

/** Without case, width, white space and punctuation, which change nothing about what a text names. */
const normalised = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');

/** Whether a text holds a private key, or names key material that must not come here. */
export function holdsKeyMaterial(text: string): boolean {
  const plain = normalised(text);
  return WORDS.some((word) => plain.includes(word));
}

/** As `textOf`, and a text that {@link holdsKeyMaterial} is refused with the rule's fault. */
export function keylessText(value: unknown, rule: TextRule): string | undefined {
  const text = textOf(value, rule);
  if (text !== undefined && holdsKeyMaterial(text)) throw new Fault(rule.fault);
  return text;
}
