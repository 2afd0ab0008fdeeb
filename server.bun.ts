/** Sallyport on Bun: settings, ports, two doors. */
import { openBunListener } from './runtime/bun-listener.ts';
import { serve } from './runtime/command.ts';

await serve(
  'bun server.bun.ts',
  {
    openListener: openBunListener,
  },
  process.argv.slice(2),
);
