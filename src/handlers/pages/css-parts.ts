/** What pages are put together from: panels, notices, forms, figures, tables. */
export const PARTS = `section,
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
`;
