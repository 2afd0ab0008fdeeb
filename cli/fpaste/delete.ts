/** `fpaste delete`. */

import { readJson } from '../shared/answers.ts';
import { Failure } from '../shared/failure.ts';
import { ownership } from './ownership.ts';
import { readReference } from './reference.ts';
import { call } from './server.ts';
import type { Session } from './session.ts';

export async function deletePaste(session: Session): Promise<void> {
  const { world, parsed, settings, out, state } = session;
  const given = await readReference(world, parsed.positionals[0], settings.server);
  const { reference, record, tokenHeader } = await ownership(session, given);
  try {
    const answer = await call(session, reference.base, {
      method: 'DELETE',
      path: reference.id,
      headers: tokenHeader,
    });
    await readJson(answer);
  } catch (error) {
    // What is gone needs no token any more.
    if (record !== undefined && error instanceof Failure && error.code === 'paste_not_found')
      await state.forget(record);
    throw error;
  }
  if (record !== undefined) await state.forget(record);
  if (out.json) await out.printJson({ id: reference.id, deleted: true });
  else out.say(`Deleted ${reference.id}.`);
}
