/** What every incident store promises, whatever it keeps its rows in. */
import { deleting } from './incident-deleting.ts';
import { keeping } from './incident-keeping.ts';
import { linking } from './incident-links.ts';
import { racing } from './incident-races.ts';
import type { IncidentIt, IncidentsFactory } from './incident-room.ts';
import { streaming } from './incident-streams.ts';
import { counting } from './incident-usage.ts';
import { lettingGo } from './letting-go.ts';
import { reassigning } from './reassigning.ts';
import { retaining } from './retaining.ts';
import type { Case } from './room.ts';

const PARTS = [keeping, streaming, linking, deleting, counting, racing, lettingGo, retaining, reassigning];

/** The cases of the contract, each on stores that `make` makes. */
export function incidentContract(make: IncidentsFactory): readonly Case[] {
  const cases: Case[] = [];
  const it: IncidentIt = (name, body) => cases.push({ name, run: async () => body(await make()) });
  for (const part of PARTS) part(it);
  return cases;
}
