/** Whether this is Bun: its `node:http` differs from Node's in what it promises and in what costs it little. */
export const ON_BUN = 'Bun' in globalThis;
