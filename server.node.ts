/** Sallyport on Node: settings, ports, two doors. */
import { serve } from './runtime/command.ts';
import { openNodeListener } from './runtime/node-listener.ts';

await serve(
  'node server.node.ts',
  {
    openListener: openNodeListener,
  },
  process.argv.slice(2),
);
