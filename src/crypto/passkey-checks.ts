/**
 * What the two ceremonies of Web Authentication Level 3, section 7, have in common: who asks, what is kept of a
 * passkey, the names of refusals, and the checks of client and authenticator data.
 */
import { equalBytes } from './compare.ts';
import { sha256, utf8 } from './hash.ts';
import type { Attachment, AuthenticatorData, ClientData, Transport } from './passkey-response.ts';

export type { Attachment, Transport } from './passkey-response.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Who asks for passkeys: this deployment, from its settings. */
export interface RelyingParty {
  /** The domain that passkeys belong to. */
  readonly id: string;
  readonly name: string;
  /** Serialized origins, compared exactly. At least one. */
  readonly origins: readonly string[];
  readonly userVerification: 'required' | 'preferred' | 'discouraged';
  /** How long the browser may wait for the person. */
  readonly timeoutMs: number;
}

/** A passkey of the account that is on file. */
export interface KnownPasskey {
  /** base64url. */
  readonly credentialId: string;
  /** COSE_Key. */
  readonly publicKey: Bytes;
  readonly signCount: number;
  readonly transports: readonly string[];
  readonly backupEligible: boolean;
}

export interface NewPasskey extends KnownPasskey {
  /** As the browser says; nothing vouches for it. */
  readonly attachment?: Attachment;
  readonly transports: readonly Transport[];
  readonly backupState: boolean;
  readonly userVerified: boolean;
}

export interface PasskeyUse<P extends KnownPasskey> {
  /** The one that was shown. */
  readonly passkey: P;
  readonly signCount: number;
  readonly backupState: boolean;
  readonly userVerified: boolean;
  /** The counter did not rise although the authenticator counts: there may be two of it (section 6.1.1). */
  readonly cloneSuspected: boolean;
}

/** Why a ceremony failed, for the log and for tests. A client is told only that it did. */
export type PasskeyRefusal =
  | 'malformed'
  | 'wrong_type'
  | 'wrong_challenge'
  | 'wrong_origin'
  | 'cross_origin'
  | 'wrong_rp_id'
  | 'user_not_present'
  | 'user_not_verified'
  | 'impossible_backup_flags'
  | 'backup_eligibility_changed'
  | 'unsupported_algorithm'
  | 'unsuitable_key'
  | 'unsupported_attestation'
  | 'wrong_credential_id'
  | 'unknown_credential'
  | 'wrong_user_handle'
  | 'bad_signature';

export type PasskeyOutcome<T> =
  | ({ readonly ok: true } & T)
  | { readonly ok: false; readonly reason: PasskeyRefusal };

/** What both ceremonies ask of the client data. */
export function clientDataRefusal(
  rp: RelyingParty,
  type: 'webauthn.create' | 'webauthn.get',
  challenge: string,
  client: ClientData,
): PasskeyRefusal | undefined {
  // An assertion must not pass for a registration, nor the other way round.
  if (client.type !== type) return 'wrong_type';

  // It answers this ceremony.
  if (client.challenge !== challenge) return 'wrong_challenge';

  // The page that asked is one of ours, exactly.
  if (!rp.origins.includes(client.origin)) return 'wrong_origin';

  // It stood in no frame of another origin, where a person cannot see whom they answer.
  if (client.framed) return 'cross_origin';

  return undefined;
}

/** What both ceremonies ask of the authenticator data. */
export function authenticatorRefusal(
  rp: RelyingParty,
  authenticator: AuthenticatorData,
): PasskeyRefusal | undefined {
  // The passkey is scoped to our domain.
  if (!equalBytes(authenticator.rpIdHash, sha256(utf8(rp.id)))) return 'wrong_rp_id';

  // Somebody was there.
  if (!authenticator.userPresent) return 'user_not_present';

  // And proved to the authenticator who they are, where that is asked for.
  if (rp.userVerification === 'required' && !authenticator.userVerified) return 'user_not_verified';

  // What cannot be backed up is not backed up.
  if (authenticator.backupState && !authenticator.backupEligible) return 'impossible_backup_flags';

  return undefined;
}

/** A refusal as the verdicts carry it. */
export function refuse(reason: PasskeyRefusal): { readonly ok: false; readonly reason: PasskeyRefusal } {
  return { ok: false, reason };
}
