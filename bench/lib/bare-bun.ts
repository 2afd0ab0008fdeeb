/**
 * The least that Bun can do: bare `Bun.serve` that moves the same bytes.
 *
 *     bun bench/lib/bare-bun.ts MODE
 *
 * `take` reads a body and answers 201, `give` answers with a body of `?bytes`. Prints its URL, and ends with its
 * standard input.
 */
import { giveOf } from './bare-content.ts';

/** What of Bun this needs: its own types would change those of the whole program. */
declare const Bun: {
  serve(options: {
    readonly port: number;
    readonly hostname: string;
    fetch(request: Request): Promise<Response>;
  }): { readonly port: number };
};

const mode = process.argv[2];
const ANSWER = JSON.stringify({ id: 'x'.repeat(32), url: 'y'.repeat(64), delete_token: 'z'.repeat(43) });

const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  async fetch(request) {
    if (mode === 'give')
      return new Response(giveOf(Number(request.url.split('?bytes=')[1] ?? 0)) as Uint8Array<ArrayBuffer>);
    await request.arrayBuffer();
    return new Response(ANSWER, { status: 201, headers: { 'content-type': 'application/json' } });
  },
});
console.log(`http://127.0.0.1:${server.port}`);
process.stdin.resume().on('end', () => process.exit(0));
