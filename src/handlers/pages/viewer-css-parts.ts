/** How the parts of the viewer's page look: states, recordings, links, the table; and what narrow screens, stillness and paper change. */
export const VIEWER_PARTS_CSS = `.badge {
  display: inline-block;
  padding: 0.1rem 0.6rem;
  border: 1px solid currentColor;
  border-radius: 999px;
  font-size: 0.85rem;
  font-weight: 600;
  line-height: 1.5;
}
.badge.good {
  background: var(--good-ground);
  color: var(--good);
}
.badge.warn {
  background: var(--warn-ground);
  color: var(--warn);
}
.badge.plain {
  color: var(--soft);
}
.summary {
  margin-bottom: 0.75rem;
  font-size: 1.2rem;
  font-weight: 600;
}
ul {
  margin: 0;
  padding: 0;
  list-style: none;
}
ul:not(:empty) + ul:not(:empty) {
  margin-top: 0.9rem;
}
.recording {
  padding: 0.9rem 0;
  border-top: 1px solid var(--line);
}
.recording:last-child {
  padding-bottom: 0;
}
.recording p {
  margin-bottom: 0.25rem;
}
.recording .action {
  margin-top: 0.6rem;
}
.head {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  justify-content: space-between;
  gap: 0.25rem 0.75rem;
  margin-bottom: 0.15rem;
}
.label {
  color: var(--soft);
}
.button {
  display: inline-flex;
  align-items: center;
  justify-content: center;
  min-height: 48px;
  padding: 0.5rem 1rem;
  border: 1px solid var(--accent);
  border-radius: 10px;
  background: var(--accent);
  color: var(--on-accent);
  font-weight: 600;
  text-align: center;
  text-decoration: none;
  transition: filter 120ms;
}
.button:hover {
  filter: brightness(1.1);
}
table {
  width: 100%;
  border-collapse: collapse;
}
th,
td {
  padding: 0.5rem 0.75rem 0.5rem 0;
  border-top: 1px solid var(--line);
  text-align: left;
  vertical-align: top;
}
th {
  font-weight: 600;
}
thead th {
  border-top: 0;
  color: var(--soft);
  font-size: 0.9rem;
}
th:last-child,
td:last-child {
  padding-right: 0;
}
td:nth-child(2) {
  white-space: nowrap;
}
footer {
  padding: 0 0.1rem;
}
footer dl {
  margin-bottom: 0.75rem;
}
@media (min-width: 30.01rem) {
  dl > div {
    display: grid;
    grid-template-columns: 1fr 1fr;
  }
}
@media (max-width: 30rem) {
  section {
    padding: 0.9rem 0.9rem;
  }
  .button {
    width: 100%;
    padding: 0.5rem;
  }
  table,
  tbody {
    display: block;
  }
  thead tr {
    position: absolute;
    display: block;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
  }
  tbody tr {
    display: grid;
    grid-template-columns: minmax(0, 1fr) auto;
    gap: 0 1rem;
    padding: 0.45rem 0;
    border-top: 1px solid var(--line);
  }
  th,
  td {
    padding: 0;
    border: 0;
  }
  td:last-child {
    grid-column: 1 / -1;
  }
}
@media (prefers-reduced-motion: reduce) {
  .button {
    transition: none;
  }
}
@media (prefers-contrast: more) {
  :root {
    --soft: var(--ink);
    --line: var(--edge);
  }
}
@media print {
  .skip,
  .action {
    display: none;
  }
}
`;
