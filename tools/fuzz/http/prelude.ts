/** What people begin with, so that a sequence finds incidents, streams, links, keys and pastes. */
import type { Step } from './steps.ts';

const ROUND: readonly string[] = [
  'pastes.create',
  'incidents.create',
  'streams.create',
  'chunks.put',
  'chunks.upload',
  'uploads.create',
  'checkins.create',
  'viewer-tokens.create',
  'contact-keys.create',
  'recipient-keys.create',
  'sharing-grants.create',
  'wrapped-keys.create',
  'streams.create',
  'pastes.create',
];

/** Four rounds for each of these people who may. */
export const preludeOf = (people: readonly number[]): readonly Step[] =>
  people
    .filter((who) => who <= 2)
    .flatMap((who) =>
      [1, 2, 3, 4].flatMap((round) =>
        ROUND.map((id, at) => ({
          does: `main ${id}`,
          who,
          salt: who * 100_003 + round * 1009 + at * 7919,
          wrong: [],
          beside: false,
        })),
      ),
    );
