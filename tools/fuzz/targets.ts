/** Every target, in the order in which a whole run takes them. */
import { openHouseGround } from './http/house-ground.ts';
import { httpTarget } from './http/target.ts';
import type { Target } from './target.ts';

const handlers = httpTarget({
  name: 'handlers',
  summary: 'requests built from the OpenAPI documents, given to the handlers of both doors',
  runs: 20_000,
  open: openHouseGround,
  byItself: ['clock', 'sweep', 'delete', 'log'],
});

export const targets: readonly Target[] = [handlers];
