/** Type, and the frame that every page of the private door has. */
import { COLOURS } from './css-colours.ts';

export const FRAME = `${COLOURS}* {
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
`;
