/** One Sallyport for several suites, where each opening of another costs more than what a suite does with it. */
import assert from 'node:assert/strict';
import type { BothDoors, BothDoorsTarget } from './both-doors.ts';

export interface OneForAll extends BothDoorsTarget {
  /** Closes what was opened, if anything was. */
  end(): Promise<void>;
}

/**
 * A target that is opened once, with settings that have those of every suite in them; its suites make owners of their
 * own.
 */
export function oneForAll(target: BothDoorsTarget, settings: Readonly<Record<string, string>>): OneForAll {
  let opened: Promise<BothDoors> | undefined;
  let all: BothDoors | undefined;
  return {
    name: target.name,
    async open(wanted) {
      for (const [name, value] of Object.entries(wanted)) assert.equal(settings[name], value, name);
      opened ??= target.open(settings);
      all ??= { ...(await opened), close: async () => {} };
      return all;
    },
    async end() {
      await (await opened)?.close();
    },
  };
}
