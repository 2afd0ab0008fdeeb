/** What programs under test get of the environment: the way to other programs, and a cache that lets them start fast. */
import { fileURLToPath } from 'node:url';

/** Node keeps what it compiled here, by content: half of a start is reading TypeScript. */
const NODE_COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url));

export const CHILD_ENV = { PATH: process.env.PATH, NODE_COMPILE_CACHE };
