/** Proof of work: where a client gets something to work on. */
import * as v from 'valibot';
import { challenge } from '../../core/paste-work.ts';
import { json } from '../kit/reply.ts';
import { anyone, mainRoute, noParams } from '../kit/route.ts';
import { timestamp } from '../kit/time.ts';

const Challenge = v.strictObject({
  required: v.boolean(),
  token: v.string(),
  difficulty: v.number(),
  algorithm: v.literal('sha256-leading-zero-bits'),
  expires_at: v.pipe(v.string(), v.isoTimestamp()),
});

export const readChallenge = mainRoute({
  id: 'challenge.read',
  method: 'GET',
  path: '/challenge',
  prefixed: true,
  limit: 'paste_challenge',
  gate: anyone,
  params: noParams,
  summary: 'A proof-of-work challenge for the network that asks.',
  answers: { 200: { description: 'The challenge, good for five minutes.', schema: Challenge } },
  faults: [],
  async reply({ deps, who }) {
    const { required, token, difficulty, algorithm, expiresAt } = challenge(deps, who);
    return json(200, { required, token, difficulty, algorithm, expires_at: timestamp(expiresAt) });
  },
});

export const challengeRoutes = [readChallenge];
