/** Pages as people meet them: a door of a house on a port of its own, and a page judged at sizes, by day and night. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { openNodeListener } from '../../runtime/node-listener.ts';
import { SMALL_TARGETS, seriousProblems } from './browser.ts';
import type { House } from './house.ts';
import { rounds } from './seed.ts';

/** Where pictures are left for people to look at. */
export const ARTIFACTS = fileURLToPath(new URL('../../test-artifacts/', import.meta.url));

export const PHONE = { width: 360, height: 780 };
export const DESK = { width: 1280, height: 800 };

/** A door of a house over sockets, at `url`. */
export async function openDoor(
  house: House,
  door: 'main' | 'admin',
): Promise<{ readonly url: string } & AsyncDisposable> {
  const listener = await openNodeListener({
    door,
    handler: house[door],
    addresses: [{ host: '127.0.0.1', port: 0 }],
    timeouts: house.deps.settings.http[door],
    log: house.deps.log,
    requestId: () => 'refused',
  });
  return {
    url: listener.urls[0] ?? '',
    async [Symbol.asyncDispose]() {
      await listener.stop(0);
    },
  };
}

const SCHEMES = ['light', 'dark'] as const;

/** By day and by night in turn: colours do not depend on the width. A soak looks at both in every size. */
const schemesOf = (nth: number) => (rounds(1) > 1 ? SCHEMES : SCHEMES.filter((_, at) => at === nth % 2));

/**
 * Judges a page at every size, by day and by night: accessible, not wider than the screen, nothing too small to hit.
 * Its pictures are `name-width-scheme.png`. The page stays as it was seen last.
 * @param sizes two at least, so that each scheme is seen
 */
export async function judge(page: Page, name: string, sizes: readonly (typeof PHONE)[]): Promise<void> {
  await mkdir(ARTIFACTS, { recursive: true });
  for (const [nth, viewport] of sizes.entries()) {
    await page.setViewportSize(viewport);
    for (const colorScheme of schemesOf(nth)) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const what = `${name}, ${viewport.width} px, ${colorScheme}`;
      assert.deepEqual(await seriousProblems(page), [], what);
      const beyond = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
      assert.equal(await page.evaluate(beyond), 0, `${what} scrolls sideways`);
      assert.deepEqual(await page.evaluate(SMALL_TARGETS), [], what);
      const path = `${ARTIFACTS}${name}-${viewport.width}-${colorScheme}.png`;
      await page.screenshot({ path, fullPage: true });
    }
  }
}

export const title = (page: Page) => page.textContent('h1');
export const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: true });
