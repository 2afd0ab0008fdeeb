/**
 * What a browser posts at the end of a WebAuthn ceremony (`PublicKeyCredential.toJSON()`), read strictly and within
 * bounds before anything is decided about it. Members that we have no use for are ignored, as the specification
 * asks; those that we use have one spelling.
 */
import {
  decodeAttestationObject,
  decodeCredentialPublicKey,
  parseAuthenticatorData,
} from '@simplewebauthn/server/helpers';
import { decodeBase64url } from './sealed-base64.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Web Authentication Level 3 section 5.8.4, and `cable`, which was the name of `hybrid`. */
const TRANSPORTS = ['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'] as const;
export type Transport = (typeof TRANSPORTS)[number];
export type Attachment = 'platform' | 'cross-platform';

/** `CollectedClientData` (section 5.8.1), as far as it is judged. */
export interface ClientData {
  readonly type: string;
  readonly challenge: string;
  readonly origin: string;
  /** True when another origin's page framed ours, or says which one did. */
  readonly framed: boolean;
}

export interface AuthenticatorData {
  readonly rpIdHash: Uint8Array;
  readonly userPresent: boolean;
  readonly userVerified: boolean;
  readonly backupEligible: boolean;
  readonly backupState: boolean;
  readonly signCount: number;
}

/** base64url texts, as they were posted and known to be canonical. */
interface Posted {
  readonly id: string;
  readonly clientDataJson: string;
  readonly attachment: Attachment | undefined;
  readonly client: ClientData;
  readonly authenticator: AuthenticatorData;
}

export interface RegistrationResponse extends Posted {
  readonly attestationObject: string;
  readonly format: string;
  readonly statement: ReadonlyMap<string, unknown>;
  /** The id inside the authenticator data. That of the envelope is only claimed. */
  readonly credentialId: Uint8Array;
  readonly publicKey: Bytes;
  readonly key: ReadonlyMap<number, unknown>;
  readonly transports: readonly Transport[];
}

export interface AssertionResponse extends Posted {
  readonly authenticatorData: string;
  readonly signature: string;
  readonly userHandle: Bytes | undefined;
}

/** Far above what authenticators make: an id is at most 1,023 bytes, a key or signature about 600. */
const MAX_FIELD_CHARS = 8192;

/** Undefined when it is not the JSON of a new credential. */
export function readRegistration(posted: unknown): RegistrationResponse | undefined {
  return unlessBroken(() => {
    const outer = record(posted);
    const inner = record(outer.response);
    const attestationObject = base64url(inner.attestationObject);
    const attestation = decodeAttestationObject(attestationObject.bytes);
    const authData = parseAuthenticatorData(new Uint8Array(bytes(attestation.get('authData'))));
    const publicKey = new Uint8Array(bytes(authData.credentialPublicKey));
    return {
      ...envelope(outer, inner),
      authenticator: authenticatorData(authData),
      attestationObject: attestationObject.text,
      format: text(attestation.get('fmt')),
      statement: map<string>(attestation.get('attStmt')),
      credentialId: bytes(authData.credentialID),
      publicKey,
      key: map<number>(decodeCredentialPublicKey(publicKey)),
      transports: transports(inner.transports),
    };
  });
}

/** Undefined when it is not the JSON of an assertion. */
export function readAssertion(posted: unknown): AssertionResponse | undefined {
  return unlessBroken(() => {
    const outer = record(posted);
    const inner = record(outer.response);
    const authData = base64url(inner.authenticatorData);
    const handle = inner.userHandle;
    return {
      ...envelope(outer, inner),
      authenticator: authenticatorData(parseAuthenticatorData(authData.bytes)),
      authenticatorData: authData.text,
      signature: base64url(inner.signature).text,
      userHandle: handle === undefined || handle === null ? undefined : base64url(handle).bytes,
    };
  });
}

function envelope(outer: Record<string, unknown>, inner: Record<string, unknown>) {
  const id = base64url(outer.id).text;
  if (outer.rawId !== id || outer.type !== 'public-key') throw new Malformed();
  const clientDataJson = base64url(inner.clientDataJSON);
  const data = record(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(clientDataJson.bytes)));
  const client: ClientData = {
    type: text(data.type),
    challenge: text(data.challenge),
    origin: text(data.origin),
    framed: (data.crossOrigin !== undefined && data.crossOrigin !== false) || data.topOrigin !== undefined,
  };
  return {
    id,
    clientDataJson: clientDataJson.text,
    attachment: attachment(outer.authenticatorAttachment),
    client,
  };
}

function authenticatorData(parsed: ReturnType<typeof parseAuthenticatorData>): AuthenticatorData {
  return {
    rpIdHash: parsed.rpIdHash,
    userPresent: parsed.flags.up,
    userVerified: parsed.flags.uv,
    backupEligible: parsed.flags.be,
    backupState: parsed.flags.bs,
    signCount: parsed.counter,
  };
}

/** A hint for people, which nothing vouches for: a value that we do not know counts as none. */
function attachment(value: unknown): Attachment | undefined {
  return value === 'platform' || value === 'cross-platform' ? value : undefined;
}

function transports(value: unknown): Transport[] {
  return Array.isArray(value) ? TRANSPORTS.filter((known) => value.includes(known)) : [];
}

/** Thrown and caught here alone. */
class Malformed extends Error {}

/** The parsers below and the library's throw on what they cannot read, with messages that quote it. */
function unlessBroken<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Malformed();
  return value as Record<string, unknown>;
}

function map<K>(value: unknown): ReadonlyMap<K, unknown> {
  if (!(value instanceof Map)) throw new Malformed();
  return value;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Malformed();
  return value;
}

function bytes(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new Malformed();
  return value;
}

function base64url(value: unknown): { readonly text: string; readonly bytes: Bytes } {
  if (typeof value !== 'string' || value === '' || value.length > MAX_FIELD_CHARS) throw new Malformed();
  const decoded = decodeBase64url(value);
  if (decoded === undefined) throw new Malformed();
  return { text: value, bytes: decoded };
}
