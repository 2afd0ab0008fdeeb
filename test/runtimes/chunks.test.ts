import { everyTarget } from '../support/both-doors.ts';
import { chunkSuite } from './chunks.ts';

for (const target of everyTarget) chunkSuite(target);
