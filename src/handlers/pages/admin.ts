/** The one style sheet of the private door. Pages there are plain HTML: no script, and no style but this file. */
import { hex, sha256, utf8 } from '../../crypto/hash.ts';

/** Token-neutral: it says nothing of a deployment, so that it may be served to anybody who gets this far. */
export const ADMIN_CSS = `:root {
  color-scheme: light dark;
  --ink: #1b2430;
  --soft: #566274;
  --ground: #f3f5f8;
  --paper: #ffffff;
  --line: #d5dbe3;
  --edge: #7a8799;
  --accent: #0b5e6b;
  --on-accent: #ffffff;
  --good: #11643f;
  --good-ground: #e4f4ea;
  --warn: #7a4b00;
  --warn-ground: #fdf3dd;
  --bad: #a3202c;
  --bad-ground: #fdecec;
  --on-bad: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e3e9f1;
    --soft: #a3afbf;
    --ground: #10151c;
    --paper: #182029;
    --line: #2d3845;
    --edge: #74839a;
    --accent: #5cc3d1;
    --on-accent: #06222a;
    --good: #7fd6a6;
    --good-ground: #14301f;
    --warn: #f0c674;
    --warn-ground: #33280f;
    --bad: #ff9c9c;
    --bad-ground: #3a1a1d;
    --on-bad: #2b0708;
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
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", sans-serif;
  -webkit-text-size-adjust: 100%;
}
body {
  display: flex;
  flex-direction: column;
  margin: 0 auto;
  max-width: 76rem;
  min-height: 100vh;
  padding: 0 1.25rem;
}
body.narrow {
  max-width: 34rem;
}
main {
  flex: 1;
  padding: 0.5rem 0 2rem;
}
main:focus {
  outline: none;
}
h1 {
  margin: 1.25rem 0 1rem;
  font-size: 1.75rem;
  font-weight: 650;
  letter-spacing: -0.01em;
  line-height: 1.2;
}
h2 {
  margin: 0 0 0.75rem;
  font-size: 1.15rem;
  line-height: 1.3;
}
h3 {
  margin: 1.25rem 0 0.4rem;
  font-size: 1rem;
}
p {
  margin: 0 0 0.75rem;
  max-width: 65ch;
}
a {
  color: var(--accent);
  text-underline-offset: 0.15em;
}
:focus-visible {
  outline: 3px solid var(--accent);
  outline-offset: 2px;
  border-radius: 4px;
}
code {
  font: 0.9em/1.4 ui-monospace, "Cascadia Mono", Menlo, monospace;
}
h1,
p,
li,
dd,
code,
.value {
  overflow-wrap: anywhere;
}
.skip {
  position: absolute;
  left: -100rem;
  padding: 0.7rem 1rem;
  background: var(--paper);
}
.skip:focus {
  left: 0.5rem;
  top: 0.5rem;
  z-index: 1;
}
header {
  padding-top: 0.75rem;
  border-bottom: 1px solid var(--line);
}
.bar {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  justify-content: space-between;
  gap: 0.25rem 1rem;
  padding-bottom: 0.5rem;
}
.brand {
  display: inline-flex;
  align-items: center;
  gap: 0.6rem;
  min-height: 44px;
  color: var(--ink);
  font-weight: 650;
  text-decoration: none;
}
.mark {
  flex: none;
  color: var(--accent);
}
.door {
  margin-left: 0.35rem;
  color: var(--soft);
  font-weight: 400;
}
.who {
  display: flex;
  align-items: center;
  gap: 0.9rem;
  color: var(--soft);
  font-size: 0.95rem;
}
.who strong {
  color: var(--ink);
  overflow-wrap: anywhere;
}
nav ul {
  display: flex;
  flex-wrap: wrap;
  gap: 0 0.25rem;
  margin: 0 -0.75rem;
  padding: 0;
  list-style: none;
}
nav a {
  display: flex;
  align-items: center;
  min-height: 44px;
  padding: 0 0.75rem;
  border-bottom: 3px solid transparent;
  color: var(--soft);
  text-decoration: none;
}
nav a:hover {
  color: var(--ink);
}
nav a[aria-current] {
  border-bottom-color: var(--accent);
  color: var(--ink);
  font-weight: 600;
}
.tabs {
  margin-bottom: 0.75rem;
}
footer {
  padding: 0.75rem 0 1.25rem;
  border-top: 1px solid var(--line);
  color: var(--soft);
  font-size: 0.875rem;
}
footer p {
  margin: 0;
}
section,
.panel {
  margin: 0 0 1.25rem;
  padding: 1.25rem;
  border: 1px solid var(--line);
  border-radius: 10px;
  background: var(--paper);
}
section > :last-child,
.panel > :last-child,
dd > :last-child {
  margin-bottom: 0;
}
.columns {
  display: grid;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr));
  gap: 0 1.25rem;
  align-items: start;
}
.notice,
.warnings li,
.error {
  padding: 0.65rem 0.9rem;
  border-left: 4px solid;
  border-radius: 4px;
  max-width: none;
}
.notice {
  border-color: var(--good);
  background: var(--good-ground);
  color: var(--good);
}
.error {
  margin: 0.4rem 0 0.75rem;
  border-color: var(--bad);
  background: var(--bad-ground);
  color: var(--bad);
}
.warnings {
  margin: 0;
  padding: 0;
  list-style: none;
}
.warnings li {
  margin-bottom: 0.5rem;
  border-color: var(--warn);
  background: var(--warn-ground);
  color: var(--warn);
  overflow-wrap: anywhere;
}
.empty,
.hint {
  color: var(--soft);
}
.hint {
  margin: 0 0 0.35rem;
  font-size: 0.9rem;
}
.field {
  margin-bottom: 1rem;
}
label {
  display: block;
  margin-bottom: 0.2rem;
  font-weight: 600;
}
input,
select {
  display: block;
  width: 100%;
  max-width: 28rem;
  min-height: 44px;
  padding: 0.5rem 0.7rem;
  border: 1px solid var(--edge);
  border-radius: 6px;
  background: var(--paper);
  color: var(--ink);
  font: inherit;
}
input[aria-invalid] {
  border-color: var(--bad);
}
input.code {
  max-width: 11rem;
  font: 1.25rem ui-monospace, Menlo, monospace;
  letter-spacing: 0.15em;
}
button,
.button {
  display: inline-flex;
  align-items: center;
  justify-content: center;
  min-height: 44px;
  padding: 0.5rem 1.1rem;
  border: 1px solid transparent;
  border-radius: 6px;
  font: inherit;
  font-weight: 600;
  line-height: 1.2;
  text-decoration: none;
  cursor: pointer;
}
button.main {
  background: var(--accent);
  color: var(--on-accent);
}
button.danger {
  background: var(--bad);
  color: var(--on-bad);
}
button.plain,
.button {
  border-color: var(--edge);
  background: transparent;
  color: var(--ink);
}
button:hover,
.button:hover {
  filter: brightness(1.08);
}
.actions {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 0.75rem;
}
.figures,
.pairs,
.limits {
  margin: 0;
}
.figures {
  display: grid;
  grid-template-columns: repeat(auto-fill, minmax(7.5rem, 1fr));
  gap: 1rem 1.25rem;
}
.figures div {
  display: flex;
  flex-direction: column-reverse;
  justify-content: flex-end;
}
.figures dt {
  color: var(--soft);
  font-size: 0.9rem;
}
.figures dd {
  margin: 0;
  font-size: 1.35rem;
  font-weight: 650;
  line-height: 1.3;
  font-variant-numeric: tabular-nums;
}
.pairs > div {
  display: grid;
  grid-template-columns: minmax(8rem, 14rem) 1fr;
  gap: 0 1rem;
  padding: 0.4rem 0;
  border-top: 1px solid var(--line);
}
.pairs > div:first-child {
  border-top: 0;
}
.pairs dt {
  color: var(--soft);
}
.pairs dd,
.limits dd {
  margin: 0;
  overflow-wrap: anywhere;
}
.limits {
  display: grid;
  grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr));
  gap: 0 2rem;
}
.limits > div {
  display: flex;
  justify-content: space-between;
  gap: 1rem;
  padding: 0.3rem 0;
  border-bottom: 1px solid var(--line);
  font-size: 0.95rem;
}
.limits dd {
  font-variant-numeric: tabular-nums;
}
details {
  margin-top: 0.75rem;
}
summary {
  display: flex;
  align-items: center;
  min-height: 44px;
  color: var(--accent);
  cursor: pointer;
}
summary::before {
  width: 1.2em;
  content: "+";
}
details[open] > summary::before {
  content: "\\2212";
}
.routes {
  columns: 22rem;
  margin: 0;
  padding: 0;
  list-style: none;
  font-size: 0.9rem;
}
.badge {
  display: inline-block;
  padding: 0.1rem 0.55rem;
  border: 1px solid var(--line);
  border-radius: 99px;
  color: var(--soft);
  font-size: 0.85rem;
  white-space: nowrap;
}
.badge.good {
  border-color: var(--good);
  color: var(--good);
}
.badge.bad {
  border-color: var(--bad);
  color: var(--bad);
}
table {
  width: 100%;
  border-collapse: collapse;
  font-size: 0.95rem;
}
caption {
  padding-bottom: 0.5rem;
  color: var(--soft);
  text-align: left;
}
th,
td {
  padding: 0.5rem 0.9rem 0.5rem 0;
  border-bottom: 1px solid var(--line);
  text-align: left;
  vertical-align: middle;
}
time,
td button {
  white-space: nowrap;
}
thead th {
  color: var(--soft);
  font-size: 0.875rem;
  font-weight: 600;
  white-space: nowrap;
}
tbody th {
  font-weight: 600;
}
tbody tr:last-child > * {
  border-bottom: 0;
}
tbody th code {
  font-size: 0.85em;
}
th a {
  display: inline-flex;
  align-items: center;
  min-height: 44px;
}
.qr {
  display: block;
  max-width: 100%;
  height: auto;
  margin: 0 0 1rem;
  border: 1px solid var(--line);
  border-radius: 8px;
}
.secret {
  display: block;
  margin-bottom: 1rem;
  padding: 0.75rem;
  border: 1px dashed var(--edge);
  border-radius: 6px;
  font-size: 1.05rem;
  letter-spacing: 0.06em;
}
@media (max-width: 44rem) {
  body {
    padding: 0 0.9rem;
  }
  section,
  .panel {
    padding: 1rem;
  }
  .pairs > div {
    grid-template-columns: 1fr;
  }
  table,
  tbody,
  tr,
  th,
  td,
  caption {
    display: block;
  }
  thead {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
  }
  tbody tr {
    padding: 0.5rem 0;
    border-bottom: 1px solid var(--line);
  }
  tbody tr:last-child {
    border-bottom: 0;
  }
  tbody th,
  tbody td {
    padding: 0.15rem 0;
    border: 0;
  }
  td[data-label] {
    display: flex;
    justify-content: space-between;
    gap: 1rem;
  }
  td[data-label]::before {
    flex: none;
    color: var(--soft);
    content: attr(data-label) / "";
  }
  td[data-label="Action"]::before {
    content: none;
  }
}
@media (forced-colors: active) {
  button,
  .badge {
    border-color: currentColor;
  }
}
`;

/** Where it lies. The address changes with the text, so that an old copy is never used. */
export const ADMIN_CSS_PATH = `/admin/static/styles.css?v=${hex(sha256(utf8(ADMIN_CSS))).slice(0, 12)}`;

/** The page that stands here until the dashboard is served. */
export const DOOR_PAGE = '<!doctype html><title>Private door</title>';
