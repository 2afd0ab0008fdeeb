/** The PEM files that the settings name, read. */
import { readFileSync } from 'node:fs';
import type { TlsFiles } from '../src/core/settings-types.ts';
import { StartError, type TlsMaterial } from './listener.ts';

/** @throws StartError for one that cannot be read */
export function tlsMaterial(files: TlsFiles): TlsMaterial;
export function tlsMaterial(files: TlsFiles | undefined): TlsMaterial | undefined;
export function tlsMaterial(files: TlsFiles | undefined): TlsMaterial | undefined {
  if (files === undefined) return undefined;
  const read = (path: string) => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      throw new StartError(
        `The TLS file ${path} cannot be read. Check its path and that this user may read it.`,
      );
    }
  };
  return {
    cert: read(files.certFile),
    key: read(files.keyFile),
    ...(files.clientCaFile !== undefined && { clientCa: read(files.clientCaFile) }),
  };
}
