/** Colours by day and by night. */
export const COLOURS = `:root {
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
`;
