/** Check-ins: only ever added. */
import type { Db } from '../db.ts';
import type { CheckinStore } from '../incidents.ts';
import { decide, refuse } from './audit.ts';
import { CHECKIN } from './incident-rows.ts';
import { inactive, lookAtStanding, ownedActive, ownedDeleting } from './owned.ts';
import { Script, sql } from './script.ts';

/** Check-ins on libSQL. */
export function checkinStore(db: Db): CheckinStore {
  return {
    async add(owned, checkin, sessionId, audit) {
      const script = new Script();
      const done = decide(script, audit, ownedActive(owned));
      script.step(
        'insert',
        sql`INSERT INTO checkins (${CHECKIN}, account_id, session_id)
          SELECT ${checkin.id}, ${owned.incidentId}, ${checkin.createdAt}, ${checkin.batteryPercent ?? null},
            ${checkin.network ?? null}, ${checkin.latitude ?? null}, ${checkin.longitude ?? null},
            ${checkin.accuracyMeters ?? null}, ${owned.accountId}, ${sessionId}
          WHERE ${done}`,
      );
      lookAtStanding(script, owned);
      refuse(script, audit, 'conflict', ownedDeleting(owned));
      return inactive(await script.run(db)) ?? 'added';
    },
  };
}
