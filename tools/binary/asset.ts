/** The name of the database's addon among the assets of an executable; runtime/one-file/addon.ts asks for it. */
export const ADDON_ASSET = 'libsql.node';
