/** The page of incidents that need a decision. */
import { html } from './html.ts';
import { page, type Viewer } from './layout.ts';

export function incidentsPage(viewer: Viewer): string {
  return page({
    title: 'Incidents',
    viewer,
    room: '/admin/incidents',
    content: html`<section aria-label="Incidents that need a decision"><p>No incident needs a decision.</p>
<p class="empty">Incidents without an owner, and deletions that failed, are listed here. What an incident holds is never shown: the server cannot read it.</p></section>`,
  });
}
