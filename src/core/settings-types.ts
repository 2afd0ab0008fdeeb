/**
 * The settings as the rest of the program sees them: plain, read-only, checked. Durations are milliseconds unless a
 * name says otherwise, sizes are bytes. An absent setting is `undefined`, never an empty string.
 */
import type { SessionKind } from '../store/accounts.ts';
import type { S3Place } from '../store/s3-place.ts';
import type { WebhookEvent } from '../store/webhooks.ts';
import type { Address, Cidr } from './settings-net.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** PEM files that the listener's own TLS reads. `clientCaFile`: certificates that chain to it identify a client. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCaFile: string | undefined;
}

export interface ListenerSettings {
  /** At least one; none clashes with another, nor with the other listener's. */
  readonly addresses: readonly Address[];
  readonly tls: TlsFiles | undefined;
}

/** `url` is as the driver takes it. A file's `path` is relative to the working directory unless absolute. */
export type DatabaseSettings =
  | {
      readonly kind: 'file';
      readonly url: string;
      readonly path: string;
      readonly encryptionKey: string | undefined;
    }
  | {
      readonly kind: 'remote';
      readonly url: string;
      readonly authToken: string | undefined;
      /** For one batch. */
      readonly timeoutMs: number;
    };

export type BlobSettings =
  /** New chunks lie in the database. A store that is named as well is read and emptied. */
  | { readonly backend: 'libsql'; readonly s3: S3Place | undefined; readonly prefix: string }
  | { readonly backend: 's3'; readonly s3: S3Place; readonly prefix: string };

/** Valkey and Redis speak one protocol; the names are kept apart for the operator's sake only. */
export type CoordinationSettings =
  | { readonly backend: 'none' }
  | {
      readonly backend: 'valkey' | 'redis';
      readonly address: Address;
      readonly username: string | undefined;
      readonly password: string | undefined;
      readonly db: number;
      readonly tls: boolean;
      readonly dialTimeoutMs: number;
      readonly readTimeoutMs: number;
      readonly writeTimeoutMs: number;
    };

export interface UploadSettings {
  readonly maxBytes: number;
  readonly accountQuotaBytes: number;
  readonly streamsPerIncident: number;
  readonly stagingQuotaBytes: number;
  readonly coordinationLeaseTtlMs: number;
  /** 0: old temporary files are left alone. */
  readonly cleanupAgeMs: number;
  readonly cleanupDryRun: boolean;
}

/** How the first admin proves the right to be it. `generated`: the root makes a secret and stores it. */
export type BootstrapSettings =
  | { readonly kind: 'generated' }
  | { readonly kind: 'given'; readonly secret: string }
  | { readonly kind: 'disabled' };

export interface AuthSettings {
  readonly bootstrap: BootstrapSettings;
  readonly sessionTtlMs: number;
  /** How long a session of each kind may go unused; 0: disuse does not end it. */
  readonly sessionIdleMs: Readonly<Record<SessionKind, number>>;
  readonly emailChallengeTtlMs: number;
  /** 0: incident tokens do not expire unless a request says so. */
  readonly incidentTokenTtlMs: number;
  readonly passwords: PasswordSettings;
}

/** Passwords that are guessed first, and are not taken for accounts. With neither of the two, all are taken. */
export interface PasswordSettings {
  /** A file of common or breached ones. */
  readonly listFile: string | undefined;
  /** Words that may not make up most of one. */
  readonly words: readonly string[] | undefined;
}

export interface RegistrationSettings {
  readonly mode: 'disabled' | 'admin_only' | 'open' | 'paid';
  readonly emailVerificationTtlMs: number;
  /** Where links in mails lead. */
  readonly publicWebOrigin: string | undefined;
}

export type EmailSettings =
  | { readonly backend: 'none' }
  | {
      readonly backend: 'smtp';
      readonly host: string;
      readonly port: number;
      readonly username: string | undefined;
      readonly password: string | undefined;
      readonly from: string;
      readonly starttls: 'required' | 'opportunistic' | 'disabled';
      readonly timeoutMs: number;
    };

export interface WebAuthSettings {
  readonly enabled: boolean;
  readonly allowedOrigins: readonly string[];
  readonly cookie: { readonly name: string; readonly secure: boolean; readonly sameSite: 'lax' | 'strict' };
  readonly csrfHeader: string;
}

export interface WebauthnSettings {
  readonly enabled: boolean;
  /** Given whenever `enabled`. */
  readonly rpId: string | undefined;
  readonly rpDisplayName: string;
  readonly allowedOrigins: readonly string[];
  readonly userVerification: 'required' | 'preferred' | 'discouraged';
  readonly challengeTtlMs: number;
}

/** Everywhere here 0 means never. */
export interface RetentionSettings {
  readonly deletionIntervalMs: number;
  readonly closedIncidentMs: number;
  readonly tokenMetadataMs: number;
  readonly deletionTombstoneMs: number;
}

export interface PasteSettings {
  readonly create: 'anyone' | 'identified';
  readonly maxBytesAnonymous: number;
  readonly maxBytesIdentified: number;
  readonly defaultExpirySeconds: number;
  readonly maxExpirySeconds: number;
  /** Bits a byte; 0 takes plain pastes too. */
  readonly minEntropy: number;
  /** Leading zero bits; 0 asks for no proof of work. */
  readonly powDifficulty: number;
  /** Creates of the same bytes in a window; 0 is off. */
  readonly dedupMax: number;
  readonly dedupWindowMs: number;
  readonly storageQuotaBytes: number;
}

export interface WebhookSettings {
  readonly url: string;
  /** The bytes of the keys that sign (Standard Webhooks), the newest first; at least one. */
  readonly secrets: readonly Uint8Array<ArrayBuffer>[];
  readonly events: readonly WebhookEvent[];
  readonly allowPrivate: boolean;
}

export type MainLimitClass =
  | 'auth'
  | 'auth_register'
  | 'auth_email_verify'
  | 'bootstrap'
  | 'account'
  | 'incident_read'
  | 'incident_write'
  | 'upload'
  | 'reconcile'
  | 'stream'
  | 'token'
  | 'download'
  | 'paste_create'
  | 'paste_read'
  | 'paste_manage'
  | 'paste_challenge';
export type ViewerLimitClass = 'viewer_page' | 'viewer_data' | 'viewer_download' | 'static';
export type AdminLimitClass = 'admin_dashboard' | 'admin_login' | 'admin_json';
/** Every class that a route can be counted in. */
export type LimitClass = MainLimitClass | ViewerLimitClass | AdminLimitClass;

export interface LimitGroup<C extends LimitClass> {
  readonly enabled: boolean;
  /** Positive whenever `enabled`. */
  readonly windowMs: number;
  /** Requests a window from one peer; 0 turns the class off. */
  readonly perWindow: Readonly<Record<C, number>>;
}

export interface LimitSettings {
  readonly main: LimitGroup<MainLimitClass>;
  readonly viewer: LimitGroup<ViewerLimitClass>;
  readonly admin: LimitGroup<AdminLimitClass>;
}

/** 0: no timeout of that kind. */
export interface HttpTimeouts {
  readonly readHeaderMs: number;
  readonly readMs: number;
  readonly writeMs: number;
  readonly idleMs: number;
}

/** Connections at a time. */
export interface ConnectionSettings {
  readonly max: number;
  /** From one address or IPv6 /64; 0: no bound. */
  readonly perPeer: number;
}

/** Which layer a value came from; a later one wins over those before it. */
export type SettingSource = 'default' | 'toml' | 'environment' | 'file';

/** One row of the settings in force. `value` of a secret is only ever `set` or `not set`. */
export interface SettingInForce {
  readonly name: string;
  readonly value: string;
  readonly secret: boolean;
  readonly source: SettingSource;
}

export interface Settings {
  readonly logLevel: LogLevel;
  /** 0: no request is slow. */
  readonly slowRequestMs: number;
  readonly main: ListenerSettings;
  readonly admin: ListenerSettings;
  readonly dataDir: string;
  /** 32 bytes. Never absent with a remote database; with a file the root makes one when it is absent. */
  readonly secretKey: Uint8Array<ArrayBuffer> | undefined;
  readonly database: DatabaseSettings;
  readonly blobs: BlobSettings;
  readonly coordination: CoordinationSettings;
  readonly uploads: UploadSettings;
  readonly auth: AuthSettings;
  readonly registration: RegistrationSettings;
  readonly email: EmailSettings;
  readonly web: WebAuthSettings;
  readonly webauthn: WebauthnSettings;
  readonly retention: RetentionSettings;
  readonly paste: PasteSettings;
  readonly sweepIntervalMs: number;
  /** `''`, or `/one` or `/one/two`: never a slash at the end. */
  readonly urlPrefix: string;
  /** As given; links are built from `publicOrigin()`, which knows the default. */
  readonly publicOrigin: string | undefined;
  readonly proxySecret: string | undefined;
  readonly trustedProxies: readonly Cidr[];
  readonly metricsToken: string | undefined;
  /** Lower-case names that the admin door answers to, besides addresses and names that no stranger can have. */
  readonly adminHosts: readonly string[];
  readonly webhook: WebhookSettings | undefined;
  readonly timestampUrl: string | undefined;
  readonly legacyViewerAliases: boolean;
  readonly limits: LimitSettings;
  readonly http: { readonly main: HttpTimeouts; readonly admin: HttpTimeouts };
  readonly connections: { readonly main: ConnectionSettings; readonly admin: ConnectionSettings };
  /** What `describeSettings()` answers: how each setting came to be. Holds no secret. */
  readonly inForce: readonly SettingInForce[];
}
