/** The suites of every runtime, on workerd. What differs there stands in docs/edge.md. */
import { after, describe } from 'node:test';
import { hasWorkerd, removeBuild } from '../support/edge.ts';
import { edgeDoors, edgeTarget } from '../support/edge-door.ts';
import { oneForAll } from '../support/one-for-all.ts';
import { EVIDENCE } from '../support/shared-doors.ts';
import { hasSqld } from '../support/sqld.ts';
import { accountSuite } from './accounts.ts';
import { bundleSuite } from './bundles.ts';
import { chunkSuite } from './chunks.ts';
import { incidentSuite } from './incidents.ts';
import { pasteSuite } from './pastes.ts';
import { sharingSuite } from './sharing.ts';
import { socketSuite } from './sockets.ts';
import { uploadSuite } from './uploads.ts';
import { viewerSuite } from './viewer.ts';

describe('the edge', {
  skip: hasWorkerd && hasSqld ? false : 'npm has no workerd or no libSQL server for this platform',
}, () => {
  pasteSuite(edgeTarget);
  socketSuite(edgeTarget);
  accountSuite(edgeDoors);
  chunkSuite(edgeDoors);
  const shared = oneForAll(edgeDoors, EVIDENCE);
  for (const suite of [incidentSuite, bundleSuite, viewerSuite, sharingSuite, uploadSuite]) suite(shared);
  after(async () => {
    await shared.end();
    await removeBuild();
  });
});
