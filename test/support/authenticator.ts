/**
 * A passkey authenticator and the browser around it, in software, that does what a test tells it to, right or wrong.
 * Written from the specifications: Web Authentication Level 3 section 6, CTAP2 canonical CBOR, COSE (RFC 9053).
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export type Algorithm = 'ES256' | 'EdDSA' | 'RS256' | 'ES384' | 'ML-DSA-44';

/** What may be wrong. Everything that is left out is right. */
export interface Twist {
  readonly type?: string;
  readonly challenge?: string;
  readonly origin?: string;
  readonly rpId?: string;
  /** More members of the client data. */
  readonly clientData?: Readonly<Record<string, unknown>>;
  /** The flags as a number: 1 present, 4 verified, 8 backup eligible, 16 backed up, 64 attested data, 128 extensions. */
  readonly flags?: number;
  readonly count?: number;
  /** Entries to put into the key, in place of or besides its own. */
  readonly key?: ReadonlyMap<number, Cbor>;
  readonly keyBytes?: Uint8Array;
  readonly credentialId?: Uint8Array;
  readonly format?: string;
  readonly statement?: ReadonlyMap<string, Cbor>;
  /** What the passkey's owner is called in the assertion; `null` leaves it out. */
  readonly userHandle?: Uint8Array | null;
  /** Changes the authenticator data after it was signed. */
  readonly tamper?: (authData: Uint8Array) => Uint8Array;
  readonly signature?: Uint8Array;
  /** Members of the posted JSON, besides or in place of the right ones. */
  readonly outer?: Readonly<Record<string, unknown>>;
  readonly inner?: Readonly<Record<string, unknown>>;
}

/** Where the ceremony takes place. */
export interface Scene {
  readonly origin: string;
  readonly rpId: string;
  readonly challenge: string;
}

export interface Authenticator {
  readonly credentialId: Uint8Array;
  readonly id: string;
  /** What a browser posts for a new credential. */
  create(scene: Scene, twist?: Twist): Record<string, unknown>;
  /** As `create`, attested by the passkey's own signature. */
  createSelfAttested(scene: Scene, algorithm: number): Record<string, unknown>;
  /** What a browser posts for an assertion. Each counts one more. */
  get(scene: Scene, twist?: Twist): Record<string, unknown>;
}

const PRESENT = 1;
const VERIFIED = 4;
const ATTESTED = 64;

export const b64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
const hash = (data: Uint8Array | string) => createHash('sha256').update(data).digest();

export function newAuthenticator(algorithm: Algorithm, rsaBits = 2048): Authenticator {
  const { publicKey, privateKey } = generate(algorithm, rsaBits);
  const credentialId = new Uint8Array(randomBytes(32));
  let count = 0;

  const clientData = (type: string, scene: Scene, twist: Twist) =>
    new TextEncoder().encode(
      JSON.stringify({
        type: twist.type ?? type,
        challenge: twist.challenge ?? scene.challenge,
        origin: twist.origin ?? scene.origin,
        crossOrigin: false,
        ...twist.clientData,
      }),
    );
  const prefix = (scene: Scene, twist: Twist, flags: number) => {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(twist.count ?? count);
    return Buffer.concat([hash(twist.rpId ?? scene.rpId), Buffer.of(twist.flags ?? flags), counter]);
  };
  const envelope = (inner: Record<string, unknown>, twist: Twist) => ({
    id: b64(twist.credentialId ?? credentialId),
    rawId: b64(twist.credentialId ?? credentialId),
    type: 'public-key',
    authenticatorAttachment: 'platform',
    clientExtensionResults: {},
    response: { ...inner, ...twist.inner },
    ...twist.outer,
  });
  const signed = (data: Uint8Array) =>
    sign(algorithm === 'EdDSA' || algorithm === 'ML-DSA-44' ? null : 'sha256', data, privateKey);

  const create = (
    scene: Scene,
    twist: Twist,
    attest: (data: Uint8Array) => ReadonlyMap<string, Cbor>,
  ): Record<string, unknown> => {
    const client = clientData('webauthn.create', scene, twist);
    const id = twist.credentialId ?? credentialId;
    const length = Buffer.alloc(2);
    length.writeUInt16BE(id.length);
    const key = twist.keyBytes ?? encode(new Map([...coseKey(algorithm, publicKey), ...(twist.key ?? [])]));
    const authData = Buffer.concat([
      ...[prefix(scene, twist, PRESENT | VERIFIED | ATTESTED), Buffer.alloc(16), length, id, key],
    ]);
    const attestation = new Map<string, Cbor>([
      ['fmt', twist.format ?? 'none'],
      ['attStmt', twist.statement ?? attest(Buffer.concat([authData, hash(client)]))],
      ['authData', twist.tamper?.(authData) ?? authData],
    ]);
    const inner = {
      clientDataJSON: b64(client),
      attestationObject: b64(encode(attestation)),
      transports: ['internal', 'hybrid'],
    };
    return envelope(inner, twist);
  };

  return {
    credentialId,
    id: b64(credentialId),
    create: (scene, twist = {}) => create(scene, twist, () => new Map()),
    createSelfAttested: (scene, alg) =>
      create(
        scene,
        { format: 'packed' },
        (data) =>
          new Map<string, Cbor>([
            ['alg', alg],
            ['sig', signed(data)],
          ]),
      ),
    get(scene, twist = {}) {
      count += 1;
      const client = clientData('webauthn.get', scene, twist);
      const authData = prefix(scene, twist, PRESENT | VERIFIED);
      const inner = {
        clientDataJSON: b64(client),
        authenticatorData: b64(twist.tamper?.(authData) ?? authData),
        signature: b64(twist.signature ?? signed(Buffer.concat([authData, hash(client)]))),
        ...(twist.userHandle ? { userHandle: b64(twist.userHandle) } : {}),
      };
      return envelope(inner, twist);
    },
  };
}

function generate(
  algorithm: Algorithm,
  modulusLength: number,
): { publicKey: KeyObject; privateKey: KeyObject } {
  switch (algorithm) {
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'ES384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' });
    case 'EdDSA':
      return generateKeyPairSync('ed25519');
    case 'RS256':
      return generateKeyPairSync('rsa', { modulusLength });
    case 'ML-DSA-44':
      return generateKeyPairSync('ml-dsa-44');
  }
}

function coseKey(algorithm: Algorithm, key: KeyObject): Map<number, Cbor> {
  const jwk: Record<string, unknown> = { ...key.export({ format: 'jwk' }) };
  const part = (name: string): Uint8Array => Buffer.from(String(jwk[name]), 'base64url');
  switch (algorithm) {
    case 'ES256':
      return new Map<number, Cbor>([
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, part('x')],
        [-3, part('y')],
      ]);
    case 'ES384':
      return new Map<number, Cbor>([
        [1, 2],
        [3, -35],
        [-1, 2],
        [-2, part('x')],
        [-3, part('y')],
      ]);
    case 'EdDSA':
      return new Map<number, Cbor>([
        [1, 1],
        [3, -8],
        [-1, 6],
        [-2, part('x')],
      ]);
    case 'RS256':
      return new Map<number, Cbor>([
        [1, 3],
        [3, -257],
        [-1, part('n')],
        [-2, part('e')],
      ]);
    case 'ML-DSA-44':
      return new Map<number, Cbor>([
        [1, 7],
        [3, -48],
        [-1, part('pub')],
      ]);
  }
}

export type Cbor = number | string | Uint8Array | readonly Cbor[] | ReadonlyMap<number | string, Cbor>;

/** As much of RFC 8949 as authenticators use. */
export function encode(value: Cbor): Uint8Array {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === 'string') {
    const text = Buffer.from(value);
    return Buffer.concat([head(3, text.length), text]);
  }
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<number | string, Cbor>)];
    return Buffer.concat([head(5, entries.length), ...entries.flatMap(([k, v]) => [encode(k), encode(v)])]);
  }
  const items = value as readonly Cbor[];
  return Buffer.concat([head(4, items.length), ...items.map(encode)]);
}

function head(major: number, argument: number): Uint8Array {
  if (argument < 24) return Buffer.of((major << 5) | argument);
  if (argument < 256) return Buffer.of((major << 5) | 24, argument);
  const bytes = Buffer.alloc(3);
  bytes[0] = (major << 5) | 25;
  bytes.writeUInt16BE(argument, 1);
  return bytes;
}
