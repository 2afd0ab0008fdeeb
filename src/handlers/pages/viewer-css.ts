/** The one style sheet of the viewer's pages. It is the same for everybody and says nothing of any incident. */
import { COLOURS } from './css-colours.ts';
import { VIEWER_PARTS_CSS } from './viewer-css-parts.ts';

export const VIEWER_CSS = `${COLOURS}:root {
  --alarm: #9b1c28;
  --on-alarm: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --alarm: #6d1620;
    --on-alarm: #ffecec;
  }
}
* {
  box-sizing: border-box;
}
[hidden] {
  display: none !important;
}
html {
  background: var(--ground);
  color: var(--ink);
  font: 1.0625rem/1.55 system-ui, -apple-system, "Segoe UI", sans-serif;
  -webkit-text-size-adjust: 100%;
}
body {
  margin: 0;
}
.emergency,
main {
  padding: 0 max(1rem, calc(50vw - 21rem));
}
.emergency {
  background: var(--alarm);
  color: var(--on-alarm);
}
.emergency p {
  margin: 0;
  max-width: none;
  padding: 0.9rem 0;
  font-size: 1.1rem;
  line-height: 1.35;
}
main {
  padding-bottom: 2rem;
}
main:focus {
  outline: none;
}
:focus-visible {
  outline: 3px solid var(--accent);
  outline-offset: 2px;
  border-radius: 4px;
}
.skip {
  position: absolute;
  left: -100rem;
  padding: 0.7rem 1rem;
  background: var(--paper);
  color: var(--accent);
}
.skip:focus {
  left: 0.5rem;
  top: 0.5rem;
}
.unseen {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}
h1 {
  margin: 1.5rem 0 0;
  font-size: 1.5rem;
  font-weight: 650;
  letter-spacing: -0.01em;
  line-height: 1.25;
}
h2 {
  margin: 0 0 0.4rem;
  color: var(--soft);
  font-size: 0.95rem;
  font-weight: 600;
  line-height: 1.3;
}
h3 {
  margin: 0;
  font-size: 1.05rem;
  line-height: 1.3;
}
p {
  margin: 0 0 0.5rem;
  max-width: 65ch;
}
p,
dd,
th,
td,
h3,
code {
  overflow-wrap: anywhere;
}
.title {
  margin: 0.15rem 0 0;
  font-size: 1.15rem;
}
.state {
  margin: 0.7rem 0 1rem;
}
.soft,
time,
dt,
footer {
  color: var(--soft);
}
time,
.soft,
footer {
  font-size: 0.9rem;
}
time {
  display: block;
}
code {
  font: 0.9em/1.4 ui-monospace, "Cascadia Mono", Menlo, monospace;
}
section {
  margin: 0 0 1rem;
  padding: 1rem 1.1rem;
  border: 1px solid var(--line);
  border-radius: 12px;
  background: var(--paper);
}
.notice {
  margin-top: 1rem;
}
.notice h2 {
  color: var(--ink);
  font-size: 1.15rem;
}
section > :last-child,
li > :last-child {
  margin-bottom: 0;
}
.hero {
  margin: 0 0 0.75rem;
  font-size: 1.5rem;
  font-weight: 650;
  letter-spacing: -0.01em;
  line-height: 1.25;
  font-variant-numeric: tabular-nums;
}
.hero time {
  margin-top: 0.2rem;
  font-weight: 400;
  letter-spacing: 0;
}
.place {
  font-size: 1.3rem;
}
.hero + p {
  margin-top: -0.4rem;
}
dl {
  margin: 0;
}
dl > div {
  display: flex;
  flex-wrap: wrap;
  justify-content: space-between;
  gap: 0 1rem;
  padding: 0.45rem 0;
  border-top: 1px solid var(--line);
}
dd {
  margin: 0;
}
.news {
  margin: 0 0 1rem;
  padding: 0.7rem 1rem;
  border-left: 4px solid var(--accent);
  border-radius: 4px;
  background: var(--paper);
}
.news:empty {
  margin: 0;
  padding: 0;
  border: 0;
}
.news.trouble,
.old {
  border-left: 4px solid var(--warn);
  border-radius: 4px;
  background: var(--warn-ground);
  color: var(--warn);
}
.old {
  padding: 0.5rem 0.8rem;
}
${VIEWER_PARTS_CSS}`;
