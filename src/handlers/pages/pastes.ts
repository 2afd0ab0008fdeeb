/** The page of pastes: sizes and times, never content, and never an id, which would be a way to read one. */
import type { ListedPaste, PasteOrder } from '../../store/listing.ts';
import { form, type Trouble } from './forms.ts';
import { type Html, html } from './html.ts';
import { page, type Viewer } from './layout.ts';
import { section } from './overview.ts';
import { bytes, moment, table } from './parts.ts';

const ORDERS: readonly (readonly [PasteOrder, name: string, caption: string])[] = [
  ['largest', 'Largest', 'The largest pastes'],
  ['oldest', 'Oldest', 'The oldest pastes'],
  ['newest', 'Newest', 'The newest pastes'],
];

/** The order that an address asks for: the largest first, unless it names another one. */
export function orderOf(url: string): PasteOrder {
  const wanted = new URL(url).searchParams.get('order');
  return ORDERS.find(([order]) => order === wanted)?.[0] ?? 'largest';
}

export interface PastesView {
  readonly viewer: Viewer;
  readonly order: PasteOrder;
  readonly pastes: readonly ListedPaste[];
  /** How many there are in all. */
  readonly count: number;
  readonly expiredPending: number;
  readonly notice?: string | undefined;
  readonly trouble?: Trouble;
}

export function pastesPage(view: PastesView): string {
  return page({
    title: 'Pastes',
    viewer: view.viewer,
    room: '/admin/pastes',
    notice: view.notice,
    content: html`${list(view)}<div class="columns">${remove(view)}${cleanUp(view)}</div>`,
  });
}

function kindOf({ sealed, burn, protected: locked }: ListedPaste): string {
  return [sealed ? 'sealed' : 'plain', burn && 'burns', locked && 'password'].filter(Boolean).join(', ');
}

function list({ viewer, order, pastes, count }: PastesView): Html {
  const caption = ORDERS.find(([one]) => one === order)?.[2] ?? '';
  return html`<section aria-label="List of pastes"><nav class="tabs" aria-label="Order"><ul>${ORDERS.map(
    ([one, name]) =>
      html`<li><a href="/admin/pastes?order=${one}"${one === order && html` aria-current="true"`}>${name}</a></li>`,
  )}</ul></nav>${table({
    caption: `${caption}, ${pastes.length.toLocaleString('en')} of ${count.toLocaleString('en')}`,
    columns: ['Ref', 'Size', 'Type', 'Kind', 'Created', 'Expires', 'Action'],
    rows: pastes.map((paste, at) => [
      html`<code>${paste.ref}</code>`,
      bytes(paste.size),
      paste.mimeType,
      kindOf(paste),
      moment(paste.createdAt),
      moment(paste.expiresAt),
      form({
        id: `delete-${at}`,
        action: '/admin/pastes/delete',
        csrf: viewer.csrf,
        hidden: { ref: paste.ref },
        button: 'Delete…',
        about: `Delete… the paste ${paste.ref}`,
        tone: 'plain',
      }),
    ]),
    empty: 'There are no pastes.',
  })}</section>`;
}

function remove({ viewer, trouble }: PastesView): Html {
  return section(
    'delete',
    'Delete a paste',
    form({
      id: 'delete-paste',
      action: '/admin/pastes/delete',
      csrf: viewer.csrf,
      fields: [
        {
          name: 'ref',
          label: 'Ref',
          hint: '32 hexadecimal digits. The id from a link is taken too.',
          autocomplete: 'off',
        },
      ],
      button: 'Delete…',
      tone: 'danger',
      trouble,
    }),
  );
}

function cleanUp({ viewer, expiredPending }: PastesView): Html {
  return section('clean-up', 'Clean up', [
    html`<p>Removes at once what the next sweep would remove: expired pastes and forgotten uploads. Expired now: ${expiredPending.toLocaleString('en')}.</p>`,
    form({
      id: 'clean-up',
      action: '/admin/pastes/cleanup',
      csrf: viewer.csrf,
      button: 'Clean up…',
      tone: 'plain',
    }),
  ]);
}
