/** `sallyport routes` */
import { adminRoutes } from '../../src/handlers/admin.ts';
import type { Route } from '../../src/handlers/kit/route.ts';
import { mounted } from '../../src/handlers/kit/table.ts';
import { mainRoutesUnder } from '../../src/handlers/main.ts';
import { type Command, parse, tell } from './command.ts';
import { settingsFrom } from './operator.ts';

interface RouteRow {
  readonly door: string;
  readonly method: string;
  readonly path: string;
  readonly class: string;
  readonly gate: string;
  readonly id: string;
}

function rowOf(route: Route, prefix: string): RouteRow {
  const path = mounted(route, prefix).replace(/:(\w+)/g, '{$1}');
  return {
    door: route.listener,
    method: route.method,
    path,
    class: route.limit,
    gate: route.gate,
    id: route.id,
  };
}

export const routes: Command = {
  words: ['routes'],
  usage: 'routes [--json]',
  summary: 'Show what each door serves, with limit class and gate.',
  run(args) {
    const parsed = parse(args, {}, 0);
    const settings = settingsFrom(parsed);
    const rows = [...mainRoutesUnder(settings), ...adminRoutes].map((route) =>
      rowOf(route, settings.urlPrefix),
    );
    const wide = Math.max(...rows.map(({ path }) => path.length));
    const lines = rows.map(
      (row) =>
        `${row.door.padEnd(5)} ${row.method.padEnd(6)} ${row.path.padEnd(wide)}  ${row.class.padEnd(18)} ${row.gate}`,
    );
    tell(parsed.json, rows, lines);
    return 0;
  },
};
