/** Pastes that are made to be measured. */
import { type Wire, wire } from './load.ts';

/** A body that no other is like: the same bytes twice would be refused after a while. */
let made = 0;
function freshBody(bytes: number): Buffer<ArrayBuffer> {
  made += 1;
  const body = Buffer.alloc(bytes, 'x');
  body.write(`${process.pid} ${made} `);
  return body;
}

/** The create of a paste of so many bytes, another one each time. */
export function creation(bytes: number): Wire {
  return wire('POST', '/', {}, freshBody(bytes));
}

/** Creates pastes to read: more than one, as readers want different ones. @returns the paths of their bytes */
export async function storedPastes(url: string, bytes: number): Promise<string[]> {
  const paths: string[] = [];
  for (let i = 0; i < 64; i += 1) {
    const answer = await fetch(url, { method: 'POST', body: freshBody(bytes) });
    const { id } = (await answer.json()) as { id: string };
    paths.push(`/${id}/raw`);
  }
  return paths;
}
