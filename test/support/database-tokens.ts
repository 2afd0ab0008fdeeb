/** Tokens as a libSQL server takes them: JWT (RFC 7519) signed with Ed25519 (RFC 8037), for keys that live in a test. */
import { generateKeyPairSync, sign } from 'node:crypto';

export interface TokenMaker {
  /** PEM, for the server. */
  readonly publicKey: string;
  /** @param claims `a` is `rw` or `ro`; `exp` in seconds since the epoch */
  token(claims?: { readonly a?: 'rw' | 'ro'; readonly exp?: number }): string;
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

export function tokenMaker(): TokenMaker {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    token(claims = {}) {
      const signed = `${part({ alg: 'EdDSA', typ: 'JWT' })}.${part({ a: 'rw', ...claims })}`;
      return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`;
    },
  };
}
