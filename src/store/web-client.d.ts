import type { Client, Config } from '@libsql/client';

/** The client of a libSQL server over HTTP, made of web platform APIs only. */
export declare function createClient(config: Config): Client;
