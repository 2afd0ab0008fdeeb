/** Whether a form that cannot be undone said yes. Without it, it is asked, by a page whose form says it. */
import type { Reply } from '../kit/reply.ts';
import { CONFIRM, type ConfirmView, confirmPage, YES } from '../pages/confirm.ts';
import type { Form } from './form.ts';
import { pageReply } from './reply.ts';
import { type DashboardSession, viewerOf } from './web.ts';

export { CONFIRM };

export type Question = Omit<ConfirmView, 'viewer' | 'trouble'>;

/** The page that asks, or undefined where the form said yes. */
export function unconfirmed(
  who: DashboardSession & { readonly form: Form<typeof CONFIRM> },
  question: Question,
): Reply | undefined {
  if (who.form[CONFIRM] === YES) return undefined;
  return pageReply(200, confirmPage({ viewer: viewerOf(who), ...question }));
}
