/** Streaming SHA-256 by workerd's own BoringSSL. */
import type { Digest } from '../../src/core/deps.ts';
import type { Bytes } from '../../src/store/store.ts';

/** workerd's addition to WebCrypto: bytes are written to it, and the digest of all of them is a promise. */
interface DigestStream extends WritableStream<Bytes> {
  readonly digest: Promise<ArrayBuffer>;
}

type DigestStreamMaker = new (algorithm: 'SHA-256') => DigestStream;

/** A fresh SHA-256. */
export function edgeDigest(): Digest {
  const { DigestStream } = crypto as Crypto & { readonly DigestStream: DigestStreamMaker };
  const stream = new DigestStream('SHA-256');
  const writer = stream.getWriter();
  // A digest that nobody asks for, because its request broke off, is no failure.
  const ignore = () => {};
  stream.digest.catch(ignore);
  return {
    update(bytes) {
      // A copy: it is read later, and whoever gave the bytes may have handed their buffer on by then.
      writer.write(new Uint8Array(bytes)).catch(ignore);
    },
    async finish() {
      await writer.close();
      return new Uint8Array(await stream.digest);
    },
  };
}
