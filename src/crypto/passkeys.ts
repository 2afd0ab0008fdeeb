/**
 * Passkeys as a second factor: the two ceremonies of Web Authentication Level 3, section 7. Each check of ours is a
 * paragraph of that section and gives a refusal its name; `@simplewebauthn/server` then verifies the whole again,
 * signature included. The caller keeps the challenge, and takes it away before it asks us: one try each.
 */
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { equalBytes } from './compare.ts';
import { utf8 } from './hash.ts';
import {
  type Attachment,
  authenticatorRefusal,
  clientDataRefusal,
  type KnownPasskey,
  type NewPasskey,
  type PasskeyOutcome,
  type PasskeyUse,
  type RelyingParty,
  refuse,
  type Transport,
} from './passkey-checks.ts';
import { KEY_ALGORITHMS, keyAlgorithm, keyFits } from './passkey-keys.ts';
import {
  type AssertionResponse,
  type RegistrationResponse,
  readAssertion,
  readRegistration,
} from './passkey-response.ts';
import { decodeBase64url, encodeBase64url } from './sealed-base64.ts';

export type {
  Attachment,
  KnownPasskey,
  NewPasskey,
  PasskeyOutcome,
  PasskeyRefusal,
  PasskeyUse,
  RelyingParty,
} from './passkey-checks.ts';

type Bytes = Uint8Array<ArrayBuffer>;

const CHALLENGE_BYTES = 32;
/** Section 4, credential id. */
const MAX_CREDENTIAL_ID_BYTES = 1023;

/** A fresh challenge, base64url of 32 unpredictable bytes (section 13.4.3 asks for 16 at least). */
export function newPasskeyChallenge(random: (length: number) => Uint8Array): string {
  const challenge = random(CHALLENGE_BYTES);
  if (challenge.length !== CHALLENGE_BYTES) throw new RangeError('the source of random bytes gave too few');
  return encodeBase64url(challenge);
}

/**
 * What `navigator.credentials.create()` is called with.
 *
 * @param ask.accountId opaque, becomes the user handle: it must say nothing about the person
 * @param ask.challenge from `newPasskeyChallenge`
 * @param ask.existing the account's passkeys, none of which is to be registered twice
 */
export function registrationOptions(
  rp: RelyingParty,
  ask: {
    readonly accountId: string;
    readonly username: string;
    readonly challenge: string;
    readonly attachment?: Attachment;
    readonly existing: readonly KnownPasskey[];
  },
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  return generateRegistrationOptions({
    rpID: rp.id,
    rpName: rp.name,
    userID: utf8(ask.accountId),
    userName: ask.username,
    userDisplayName: ask.username,
    challenge: challengeBytes(ask.challenge),
    timeout: rp.timeoutMs,
    attestationType: 'none',
    supportedAlgorithmIDs: [...KEY_ALGORITHMS],
    authenticatorSelection: { residentKey: 'preferred', userVerification: rp.userVerification },
    excludeCredentials: ask.existing.map(descriptor),
    // Sets the attachment and the hint that goes with it.
    ...(ask.attachment === undefined
      ? {}
      : { preferredAuthenticatorType: ask.attachment === 'platform' ? 'localDevice' : 'securityKey' }),
  });
}

/**
 * Section 7.1: the passkey that a browser posts is new, was made for us, here and now, and is of a kind that we take.
 * Whether its id is registered already, for any account, is for the caller to find out.
 *
 * @param started what `registrationOptions` was asked for
 * @param posted the request's JSON, unchecked
 */
export async function finishRegistration(
  rp: RelyingParty,
  started: { readonly challenge: string; readonly attachment?: Attachment },
  posted: unknown,
): Promise<PasskeyOutcome<{ readonly passkey: NewPasskey }>> {
  const response = readRegistration(posted);
  if (response === undefined) return refuse('malformed');

  const wrong = clientDataRefusal(rp, 'webauthn.create', started.challenge, response.client);
  if (wrong !== undefined) return refuse(wrong);

  const unfit = authenticatorRefusal(rp, response.authenticator);
  if (unfit !== undefined) return refuse(unfit);

  // The algorithm is one of those offered, and the key is one of that algorithm.
  const algorithm = keyAlgorithm(response.key);
  if (algorithm === undefined) return refuse('unsupported_algorithm');
  if (!keyFits(algorithm, response.key)) return refuse('unsuitable_key');

  // Attestation was not asked for, so a browser sends none, or the passkey's signature over itself. The library
  // knows other formats too, and for some it would fetch revocation lists from addresses in certificates that the
  // client sends: they stop here.
  if (!attestationExpected(response, algorithm)) return refuse('unsupported_attestation');

  // The credential is the one that its envelope says, and its id is of a length that may be.
  if (encodeBase64url(response.credentialId) !== response.id) return refuse('wrong_credential_id');
  if (response.credentialId.length > MAX_CREDENTIAL_ID_BYTES) return refuse('wrong_credential_id');

  if (!(await libraryTakesRegistration(rp, started.challenge, response))) return refuse('bad_signature');

  const attachment = response.attachment ?? started.attachment;
  return {
    ok: true,
    passkey: {
      credentialId: response.id,
      publicKey: response.publicKey,
      signCount: response.authenticator.signCount,
      transports: response.transports,
      backupEligible: response.authenticator.backupEligible,
      backupState: response.authenticator.backupState,
      userVerified: response.authenticator.userVerified,
      ...(attachment === undefined ? {} : { attachment }),
    },
  };
}

/**
 * What `navigator.credentials.get()` is called with.
 *
 * @param ask.passkeys the account's own, at least one
 */
export function assertionOptions(
  rp: RelyingParty,
  ask: { readonly challenge: string; readonly passkeys: readonly KnownPasskey[] },
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  // Without a list the browser would offer whatever passkey there is, of any account.
  if (ask.passkeys.length === 0) throw new RangeError('there is no passkey to ask for');
  return generateAuthenticationOptions({
    rpID: rp.id,
    challenge: challengeBytes(ask.challenge),
    timeout: rp.timeoutMs,
    userVerification: rp.userVerification,
    allowCredentials: ask.passkeys.map(descriptor),
  });
}

/**
 * Section 7.2: one of the account's passkeys signed this challenge, for us, here and now.
 *
 * @param started.accountId what `registrationOptions` was given
 * @param started.passkeys the account's own
 * @param posted the request's JSON, unchecked
 */
export async function finishAssertion<P extends KnownPasskey>(
  rp: RelyingParty,
  started: { readonly challenge: string; readonly accountId: string; readonly passkeys: readonly P[] },
  posted: unknown,
): Promise<PasskeyOutcome<PasskeyUse<P>>> {
  const response = readAssertion(posted);
  if (response === undefined) return refuse('malformed');

  // The credential is one that was asked for, and belongs to the account.
  const passkey = started.passkeys.find((known) => known.credentialId === response.id);
  if (passkey === undefined) return refuse('unknown_credential');
  if (response.userHandle !== undefined && !equalBytes(response.userHandle, utf8(started.accountId))) {
    return refuse('wrong_user_handle');
  }

  const wrong = clientDataRefusal(rp, 'webauthn.get', started.challenge, response.client);
  if (wrong !== undefined) return refuse(wrong);

  const unfit = authenticatorRefusal(rp, response.authenticator);
  if (unfit !== undefined) return refuse(unfit);

  // Whether a passkey can be backed up is settled when it is made.
  if (response.authenticator.backupEligible !== passkey.backupEligible) {
    return refuse('backup_eligibility_changed');
  }

  if (!(await libraryTakesAssertion(rp, started.challenge, passkey, response)))
    return refuse('bad_signature');

  const { signCount, backupState, userVerified } = response.authenticator;
  const counts = signCount > 0 || passkey.signCount > 0;
  const cloneSuspected = counts && signCount <= passkey.signCount;
  return { ok: true, passkey, signCount, backupState, userVerified, cloneSuspected };
}

/** `none` with nothing in it, or `packed` self attestation by the passkey's own algorithm (section 8.2). */
function attestationExpected({ format, statement }: RegistrationResponse, algorithm: number): boolean {
  if (format === 'none') return statement.size === 0;
  return format === 'packed' && !statement.has('x5c') && statement.get('alg') === algorithm;
}

async function libraryTakesRegistration(
  rp: RelyingParty,
  challenge: string,
  response: RegistrationResponse,
): Promise<boolean> {
  try {
    const { verified } = await verifyRegistrationResponse({
      response: {
        id: response.id,
        rawId: response.id,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: response.clientDataJson,
          attestationObject: response.attestationObject,
        },
      },
      expectedChallenge: challenge,
      expectedOrigin: [...rp.origins],
      expectedRPID: rp.id,
      requireUserPresence: true,
      requireUserVerification: rp.userVerification === 'required',
      supportedAlgorithmIDs: [...KEY_ALGORITHMS],
    });
    return verified;
  } catch {
    // Its errors quote the response; the guards above have named what can be named.
    return false;
  }
}

async function libraryTakesAssertion(
  rp: RelyingParty,
  challenge: string,
  passkey: KnownPasskey,
  response: AssertionResponse,
): Promise<boolean> {
  try {
    const { verified } = await verifyAuthenticationResponse({
      response: {
        id: response.id,
        rawId: response.id,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: response.clientDataJson,
          authenticatorData: response.authenticatorData,
          signature: response.signature,
        },
      },
      expectedChallenge: challenge,
      expectedOrigin: [...rp.origins],
      expectedRPID: rp.id,
      requireUserVerification: rp.userVerification === 'required',
      // The library throws on a counter that did not rise, before it has looked at the signature. A counter of 0
      // keeps it from that; the caller is told of a suspected clone instead.
      credential: { id: passkey.credentialId, publicKey: passkey.publicKey, counter: 0 },
    });
    return verified;
  } catch {
    return false;
  }
}

function descriptor(passkey: KnownPasskey): { id: string; transports?: Transport[] } {
  const transports = passkey.transports as Transport[];
  return transports.length === 0 ? { id: passkey.credentialId } : { id: passkey.credentialId, transports };
}

function challengeBytes(challenge: string): Bytes {
  const bytes = decodeBase64url(challenge);
  if (bytes === undefined || bytes.length < 16)
    throw new RangeError('not a challenge of newPasskeyChallenge');
  return bytes;
}
