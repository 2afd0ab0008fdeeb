/** `fpaste list`: what this machine created and what has not expired. No server is asked. */

import { printable, spokenBytes } from '../shared/text.ts';
import type { Session } from './session.ts';
import type { PasteRecord } from './state.ts';

export async function list({ out, state, world }: Session): Promise<void> {
  const records = await state.list();
  if (out.json) return await out.printJson(records.map(shown));
  if (records.length === 0) return out.say('This machine has created nothing that is still kept.');
  const rows = records.map((record) => row(record, world.now()));
  const widths = rows.reduce(
    (widest, cells) => cells.map((cell, at) => Math.max(widest[at] ?? 0, cell.length)),
    [] as number[],
  );
  for (const cells of rows) {
    await out.print(
      `${cells
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
  }
}

function shown({ deleteToken: _kept, ...record }: PasteRecord) {
  const { id, url, createdAt, expiresAt, size, burn, sealed, name } = record;
  return { id, url, created_at: createdAt, expires_at: expiresAt, size, burn_after_read: burn, sealed, name };
}

function row(record: PasteRecord, now: number): string[] {
  const hours = Math.max(0, Math.round((Date.parse(record.expiresAt) - now) / 3_600_000));
  const left = hours >= 48 ? `${Math.round(hours / 24)} d left` : `${hours} h left`;
  const traits = [record.sealed ? 'sealed' : 'plain', ...(record.burn ? ['burn'] : [])].join(',');
  return [
    printable(record.url),
    record.createdAt.slice(0, 16).replace('T', ' '),
    left,
    spokenBytes(record.size),
    traits,
    printable(record.name ?? '', 60),
  ];
}
