/**
 * HTML as a value. Whatever is put into a template is escaped unless it is {@link Html} itself, so that a page can
 * only hold markup that stands in our source.
 */

/** Markup that may be sent as it is. Made by {@link html} and {@link trusted} alone; no parsed value can pose as it. */
export class Html {
  readonly #markup: string;

  constructor(markup: string) {
    this.#markup = markup;
  }

  toString(): string {
    return this.#markup;
  }
}

/** What may stand in a template. Nothing is written for what is absent or false. */
export type Child = Html | string | number | undefined | false | readonly Child[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function rendered(child: Child): string {
  if (child === undefined || child === false) return '';
  if (child instanceof Html) return child.toString();
  if (typeof child === 'object') return child.map(rendered).join('');
  return String(child).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/**
 * A template tag. Values may stand between tags and within quoted attributes, nowhere else: there the five escaped
 * characters are all that HTML acts upon.
 */
export function html(strings: TemplateStringsArray, ...children: readonly Child[]): Html {
  return new Html(strings.reduce((text, part, at) => text + rendered(children[at - 1]) + part));
}

/** Markup of our own making that did not come from a template, an SVG for example. */
export function trusted(markup: string): Html {
  return new Html(markup);
}
