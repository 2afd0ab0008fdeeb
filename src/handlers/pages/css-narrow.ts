/** A phone's width, where tables become cards, and a reader's own colours. */
export const NARROW = `@media (max-width: 44rem) {
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
