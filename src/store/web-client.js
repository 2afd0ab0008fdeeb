// JavaScript on purpose: the types of '@libsql/client/web' pull in those of Node, and with them `process` and
// `Buffer` would pass the type check everywhere under src. web-client.d.ts declares what is used of it.
export { createClient } from '@libsql/client/web';
