/** Pages of the private door. Plain HTML: no script, and no style but the one file. */

/** Token-neutral: it says nothing of a deployment, so that it may be served to anybody who gets this far. */
export const ADMIN_CSS = `:root {
  color-scheme: light dark;
  --ink: #1d232a;
  --paper: #ffffff;
  --line: #c9d1d9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6edf3;
    --paper: #0f1419;
    --line: #30363d;
  }
}
* {
  box-sizing: border-box;
}
body {
  margin: 0 auto;
  max-width: 44rem;
  padding: 2rem 1rem;
  background: var(--paper);
  color: var(--ink);
  font: 1rem/1.6 system-ui, sans-serif;
}
h1 {
  border-bottom: 1px solid var(--line);
  padding-bottom: 0.5rem;
  font-size: 1.5rem;
}
`;

/** The page that stands here until the private door has accounts. */
export const DOOR_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Sallyport, private door</title>
<link rel="stylesheet" href="/admin/static/styles.css">
</head>
<body>
<main>
<h1>Private door</h1>
<p>This is the operator's side of Sallyport. It serves nothing but this page yet: accounts and the dashboard are not built in this version.</p>
<p>Keep this address private. It must not be reachable from the public side.</p>
</main>
</body>
</html>
`;
