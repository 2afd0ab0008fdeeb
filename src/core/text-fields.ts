/** Text that clients give in small fields: labels, notes, reasons, and words out of a list. */
import { Fault, type FaultKind } from './faults.ts';

export interface TextRule {
  readonly fault: FaultKind;
  /** Bounds the trimmed text's UTF-8. */
  readonly mostBytes: number;
  /** Whether it may have several lines, and tabs in them. */
  readonly lines?: boolean;
}

/** Control characters (Unicode category Cc), which no field holds: a terminal or a log would obey them. */
const CONTROL = /\p{Cc}/u;
const CONTROL_IN_LINES = /[^\P{Cc}\t\n\r]/u;

/**
 * A text without the white space around it. Absent, null and empty are all no text.
 * @throws Fault the rule's, for anything but well-formed text within its bounds
 */
export function textOf(value: unknown, { fault, mostBytes, lines = false }: TextRule): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || !value.isWellFormed()) throw new Fault(fault);
  const text = value.trim();
  if (text === '') return undefined;
  // No UTF-8 is shorter than its UTF-16: what is too long already need not be encoded.
  if (text.length > mostBytes || new TextEncoder().encode(text).length > mostBytes) throw new Fault(fault);
  if ((lines ? CONTROL_IN_LINES : CONTROL).test(text)) throw new Fault(fault);
  return text;
}

/** One of the words of a list; absent, null and empty are none. @throws Fault as given */
export function wordOf<Word extends string>(
  value: unknown,
  words: readonly Word[],
  fault: FaultKind,
): Word | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new Fault(fault);
  const text = value.trim();
  if (text === '') return undefined;
  const word = words.find((known) => known === text);
  if (word === undefined) throw new Fault(fault);
  return word;
}

/** A label of a stream or of a viewer link. */
export const LABEL: TextRule = { fault: 'invalid_label', mostBytes: 200 };
