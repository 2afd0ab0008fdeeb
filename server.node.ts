/** Sallyport on Node: settings, ports, two doors. */
import { serve } from './runtime/command.ts';
import { openNodeListener } from './runtime/node-listener.ts';

await serve(
  'node server.node.ts',
  {
    openListener: openNodeListener,
    // There are no accounts yet.
    adminExists: async () => false,
  },
  process.argv.slice(2),
);
