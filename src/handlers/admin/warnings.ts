/** What the operator should know: settings that are dangerous together, and room that runs out. */
import type { Deps } from '../../core/deps.ts';
import { settingsWarnings } from '../../core/settings.ts';
import type { WebhookState } from '../../store/webhooks.ts';
import { bytes } from '../pages/parts.ts';
import { failureText, receiverFails } from '../pages/webhooks.ts';

/** Below this much free disk the database may soon be unable to grow. */
const LITTLE_DISK = 1024 ** 3;
/** The part of a quota from which on it is worth a word. */
const NEARLY_FULL = 0.8;

export interface Measured {
  readonly pasteBytes: number;
  readonly admins: number;
  /** Undefined where nothing tells. */
  readonly diskFreeBytes: number | undefined;
  /** Undefined where none are sent. */
  readonly webhooks: WebhookState | undefined;
}

/** Sentences, the most urgent first; none of them holds a secret. */
export function warningsOf(
  { settings, origin }: Pick<Deps, 'settings' | 'origin'>,
  { pasteBytes, admins, diskFreeBytes, webhooks }: Measured,
): string[] {
  const said: string[] = [];
  if (diskFreeBytes !== undefined && diskFreeBytes < LITTLE_DISK) {
    said.push(
      `The disk of the data directory has ${bytes(diskFreeBytes)} left. Make room before writes fail.`,
    );
  }
  const quota = settings.paste.storageQuotaBytes;
  if (pasteBytes >= quota * NEARLY_FULL) {
    const full = `Pastes take ${bytes(pasteBytes)} of ${bytes(quota)}.`;
    said.push(`${full} Beyond that, creating is refused: delete some, or raise SAFE_PASTE_STORAGE_QUOTA.`);
  }
  if (webhooks !== undefined && receiverFails(webhooks)) {
    said.push(`The receiver of webhooks fails: ${failureText(webhooks.lastFailure ?? '')}.`);
  }
  said.push(...settingsWarnings(settings, origin));
  if (settings.email.backend === 'none') {
    said.push('SAFE_EMAIL_BACKEND is none: no mail is sent, so mailed codes and registration do not work.');
  }
  if (settings.secretKey === undefined) {
    said.push(
      'The secret key lies in the data directory alone. Keep a copy of the file secret-key apart from the database: without it, delete tokens and authenticator apps stop working.',
    );
  }
  if (admins === 1) {
    said.push('There is one active admin. A second one can help when a second factor is lost.');
  }
  return said;
}
