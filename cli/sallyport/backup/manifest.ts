/** What stands first in a backup, `sallyport-backup.json`: what it is of, and the digest of everything that follows. */
import * as v from 'valibot';
import { Failure } from '../../shared/failure.ts';

export const FORMAT = 'sallyport-backup/1';
export const MANIFEST = 'sallyport-backup.json';
export const DATABASE = 'sallyport.db';
/** The secrets that a backup may carry, by the names that they have in it. */
export const KEY_NAMES = ['secret-key', 'checkpoint-key', 'database-encryption-key'] as const;
export type KeyName = (typeof KEY_NAMES)[number];

export const MAX_MANIFEST_BYTES = 64 * 1024;
/** A key is a line of text. */
const MAX_KEY_BYTES = 4096;

const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Manifest = v.object({
  format: v.literal(FORMAT),
  /** Of the program that made it. */
  version: v.pipe(v.string(), v.regex(/^[0-9A-Za-z.+-]{1,60}$/)),
  created_at: v.pipe(v.string(), v.isoTimestamp()),
  /** The newest migration of the database. */
  schema: v.pipe(v.string(), v.regex(/^\d{4}_[a-z0-9_]{1,60}$/)),
  /** Whether the database is encrypted with `SAFE_DATABASE_ENCRYPTION_KEY`. */
  database_encrypted: v.boolean(),
  /** In this order, and nothing else. */
  entries: v.pipe(
    v.array(
      v.object({
        name: v.picklist([DATABASE, ...KEY_NAMES]),
        size: Count,
        sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
      }),
    ),
    v.check((entries) => new Set(entries.map(({ name }) => name)).size === entries.length),
    v.check((entries) => entries[0]?.name === DATABASE),
    v.check((entries) => entries.slice(1).every(({ size }) => size <= MAX_KEY_BYTES)),
  ),
  counts: v.record(v.pipe(v.string(), v.regex(/^[a-z_]{1,40}$/)), Count),
});
export type Manifest = v.InferOutput<typeof Manifest>;

/** The description as it stands in a backup. */
export const manifestText = (manifest: Manifest): string => `${JSON.stringify(manifest, null, 2)}\n`;

/** Throws a refusal for what is no manifest of this format. */
export function readManifest(bytes: Uint8Array): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw damagedBackup('its description is not JSON');
  }
  const format = (value as { format?: unknown } | null)?.format;
  if (typeof format === 'string' && /^sallyport-backup\/\d{1,9}$/.test(format) && format !== FORMAT)
    throw new Failure(
      'refused',
      'newer_backup',
      `This backup has the format ${format}, and this version reads ${FORMAT}. Use the version that made it, or a later one.`,
    );
  const parsed = v.safeParse(Manifest, value);
  if (!parsed.success) throw damagedBackup('its description is not that of a backup');
  return parsed.output;
}

/** A refusal. `what` says what is wrong with the backup, as a clause. */
export function damagedBackup(what: string): Failure {
  return new Failure(
    'refused',
    'backup_damaged',
    `This backup was changed or cut, or is none: ${what}. Use another one.`,
  );
}
