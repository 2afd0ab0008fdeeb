/** A real Chromium for tests, whose pages are answered by calling the handlers: no port is opened. */
import { existsSync, readFileSync } from 'node:fs';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import type { Handler } from '../../src/handlers/kit/serve.ts';

/** Where Chromium may lie: a path of one's own first, then the usual places, then what Playwright has installed. */
const PLACES = [
  process.env.SALLYPORT_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  chromium.executablePath(),
];

/** The browser's program, or undefined where this machine has none. */
export const chromiumPath = PLACES.find((path) => path !== undefined && existsSync(path));

/** Why a test that needs a browser cannot run here, or false where it can. */
export const noBrowser =
  chromiumPath === undefined && 'no Chromium on this machine; SALLYPORT_CHROMIUM names one';

/** How long a page may take for anything: whoever is slower hangs. A busy machine takes ten times as long as usual. */
const PATIENCE_MS = 5 * 60_000;

/** A visitor of its own, who is as patient as a busy machine needs. */
export async function newVisitor(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE_MS);
  return context;
}

/** Starts it, without any traffic of its own. The caller closes it. */
export function openBrowser(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error('no Chromium on this machine');
  return chromium.launch({
    timeout: PATIENCE_MS,
    executablePath: chromiumPath,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // Pages share processes: starting another for each frame costs more than what most of them show.
      '--disable-site-isolation-trials',
      '--renderer-process-limit=1',
    ],
  });
}

/** What a page was seen to do. */
export interface Watched {
  readonly page: Page;
  /** `METHOD url` of every request that left it. */
  readonly requests: string[];
  /** `type: text` of every line on its console, also of its frames and workers. */
  readonly console: string[];
  /** Messages of dialogs, each of which was dismissed. */
  readonly dialogs: string[];
  /** Errors of its scripts that nothing caught. */
  readonly errors: string[];
}

/** Answers for hosts, by name. What is asked of any other host is refused, as if there were no network. */
export type Hosts = Readonly<Record<string, Handler>>;

/** A page in a context of its own whose every request is answered here. */
export async function openPage(
  browser: Browser,
  hosts: Hosts,
  options: BrowserContextOptions = {},
): Promise<Watched & AsyncDisposable> {
  const context = await newVisitor(browser, { acceptDownloads: false, ...options });
  const watched = {
    requests: [] as string[],
    console: [] as string[],
    dialogs: [] as string[],
    errors: [] as string[],
  };
  await answer(context, hosts, watched.requests);
  const page = await context.newPage();
  page.on('console', (message) => watched.console.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => watched.errors.push(error.message));
  page.on('dialog', (dialog) => {
    watched.dialogs.push(dialog.message());
    dialog.dismiss().catch(() => {}); // the page may be gone already
  });
  return { ...watched, page, [Symbol.asyncDispose]: () => context.close() };
}

async function answer(context: BrowserContext, hosts: Hosts, requests: string[]): Promise<void> {
  await context.route('**/*', async (route) => {
    const request = route.request();
    const url = new URL(request.url());
    requests.push(`${request.method()} ${request.url()}`);
    const handler = hosts[url.host];
    if (handler === undefined) return route.abort('namenotresolved');
    const body = request.postDataBuffer();
    const asked = new Request(url, {
      method: request.method(),
      headers: await request.allHeaders().then(withoutPseudo),
      ...(body !== null && { body: new Uint8Array(body) }),
    });
    // A handler that fails stands for a server that cannot be reached.
    const response = await handler(asked).catch(() => undefined);
    if (response === undefined) return route.abort('connectionrefused');
    await route.fulfill({
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: Buffer.from(await response.arrayBuffer()),
    });
  });
}

/** Names that begin with a colon belong to HTTP/2 and cannot stand in a `Request`. */
const withoutPseudo = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':')));

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string }[];
}

const AXE = new URL('../../node_modules/axe-core/axe.min.js', import.meta.url);

/** What axe-core finds wrong with a page that weighs. Evaluated by the debugger, which no policy stops. */
export async function seriousProblems(page: Page): Promise<string[]> {
  if (await page.evaluate('globalThis.axe === undefined')) await page.evaluate(readFileSync(AXE, 'utf8'));
  const found = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as {
    readonly violations: readonly Violation[];
  };
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
}

/** Controls that are too small for a finger: lower than 44 pixels, links within a line of text apart. */
export const SMALL_TARGETS = `[...document.querySelectorAll('a, button, input:not([type=hidden]), select, summary')]
  .filter((one) => one.checkVisibility() && !one.matches('p:not(.action) a, .skip') && one.getBoundingClientRect().height < 43.9)
  .map((one) => one.outerHTML.slice(0, 80))`;
