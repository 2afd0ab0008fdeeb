/**
 * Imported before a program (`--import`), this writes the names of the packages that were loaded by it and by its
 * threads, each as they end: one a line, appended to the file that LOADED_PACKAGES names.
 */
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const packages = new Set<string>();

registerHooks({
  load(url, context, next) {
    const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
    if (name !== undefined) packages.add(name);
    return next(url, context);
  },
});

process.on('exit', () => {
  appendFileSync(process.env.LOADED_PACKAGES ?? '', [...packages, ''].join('\n'));
});
