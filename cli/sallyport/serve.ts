/** `sallyport serve` */
import { serve } from '../../runtime/command.ts';
import type { Command } from './command.ts';

export const serveCommand: Command = {
  words: ['serve'],
  usage: 'serve [--config FILE]',
  summary: 'Open both doors, until SIGTERM or Ctrl-C.',
  async run(args) {
    const openListener =
      'Bun' in globalThis
        ? (await import('../../runtime/bun-listener.ts')).openBunListener
        : (await import('../../runtime/node-listener.ts')).openNodeListener;
    await serve('sallyport serve', { openListener }, args);
    // The server sets the exit code itself, when it ends.
    return typeof process.exitCode === 'number' ? process.exitCode : 0;
  },
};
