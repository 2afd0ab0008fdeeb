/** Pastes on the dashboard: what takes room, and making room. */
import type { Deps } from '../../core/deps.ts';
import { Fault } from '../../core/faults.ts';
import { cleanUp, deletePasteByRef, pasteStats, topPastes } from '../../core/operator-pastes.ts';
import { isPasteId, pasteRef } from '../../crypto/tokens.ts';
import type { PasteOrder } from '../../store/listing.ts';
import { adminRoute, noParams } from '../kit/route.ts';
import type { Trouble } from '../pages/forms.ts';
import { noticeOf, withNotice } from '../pages/notices.ts';
import { orderOf, pastesPage } from '../pages/pastes.ts';
import { CONFIRM, unconfirmed } from './confirmation.ts';
import { adminOrigin } from './origin.ts';
import { refusedAt, refusePage } from './refusal.ts';
import { CONFIRMED_ANSWERS, formBody, PAGE_ANSWERS, pageReply, seeOther } from './reply.ts';
import { type DashboardSession, formGate, readingGate, viewerOf } from './web.ts';

const CLASS = 'admin_dashboard';
const ROOM = '/admin/pastes';

async function listView(
  deps: Deps,
  who: DashboardSession,
  order: PasteOrder,
  more: { readonly notice?: string | undefined; readonly trouble?: Trouble },
): Promise<string> {
  const [pastes, { count, expiredPending }] = await Promise.all([topPastes(deps, order), pasteStats(deps)]);
  return pastesPage({ viewer: viewerOf(who), order, pastes, count, expiredPending, ...more });
}

export const list = adminRoute({
  id: 'dashboard.pastes',
  method: 'GET',
  path: ROOM,
  limit: CLASS,
  gate: readingGate('inside'),
  params: noParams,
  summary: 'The first pastes by size or age; order is largest, oldest or newest.',
  answers: PAGE_ANSWERS,
  faults: [],
  refuse: refusePage,
  async reply({ deps, request: { url }, who }) {
    return pageReply(200, await listView(deps, who, orderOf(url), { notice: noticeOf(url) }));
  },
});

/** What is asked about, as a ref: an id would open the paste, and does not belong on a page. */
function refOf(given = ''): string {
  const text = given.trim();
  const ref = isPasteId(text) ? pasteRef(text) : text;
  if (!/^[0-9a-f]{32}$/.test(ref)) throw new Fault('paste_not_found');
  return ref;
}

export const remove = adminRoute({
  id: 'dashboard.paste-delete',
  method: 'POST',
  path: '/admin/pastes/delete',
  limit: CLASS,
  gate: formGate('inside', ['ref', CONFIRM]),
  params: noParams,
  summary: 'Delete a paste by its ref or its id, once confirmed.',
  body: formBody('csrf_token, ref, confirm.'),
  answers: CONFIRMED_ANSWERS,
  faults: ['paste_not_found'],
  refuse: refusePage,
  async reply({ deps, who }) {
    try {
      const ref = refOf(who.form.ref);
      const question = unconfirmed(who, {
        room: ROOM,
        title: 'Delete this paste?',
        consequences: [`The paste with the ref ${ref} is deleted for everybody. It cannot be brought back.`],
        action: '/admin/pastes/delete',
        hidden: { ref },
        button: 'Delete the paste',
        back: ROOM,
      });
      if (question !== undefined) return question;
      await deletePasteByRef(deps, adminOrigin(who, CLASS), ref);
      return seeOther(withNotice(ROOM, 'paste_deleted'));
    } catch (thrown) {
      const blame = { paste_not_found: { field: 'ref', sentence: 'There is no paste with this ref.' } };
      const { status, trouble } = refusedAt(thrown, 'delete-paste', blame);
      return pageReply(status, await listView(deps, who, 'largest', { trouble }));
    }
  },
});

export const clean = adminRoute({
  id: 'dashboard.pastes-cleanup',
  method: 'POST',
  path: '/admin/pastes/cleanup',
  limit: CLASS,
  gate: formGate('inside', [CONFIRM]),
  params: noParams,
  summary: 'Remove at once what a sweep would remove, once confirmed.',
  body: formBody('csrf_token, confirm.'),
  answers: CONFIRMED_ANSWERS,
  faults: [],
  refuse: refusePage,
  async reply({ deps, who }) {
    const question = unconfirmed(who, {
      room: ROOM,
      title: 'Clean up now?',
      consequences: ['Pastes that have expired are removed.', 'Uploads that nobody continued are removed.'],
      action: '/admin/pastes/cleanup',
      button: 'Clean up',
      back: ROOM,
    });
    if (question !== undefined) return question;
    await cleanUp(deps, adminOrigin(who, CLASS));
    return seeOther(withNotice(ROOM, 'pastes_cleaned'));
  },
});

export const pastePageRoutes = [list, remove, clean];
