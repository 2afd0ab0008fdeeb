/** `sallyport capture` */

import { resolve } from 'node:path';
import { usage } from '../../shared/failure.ts';
import type { World } from '../../shared/world.ts';
import { CAPTURE_OPTIONS, makeDirectory, maxWaitMs, newRecord, weatherIn } from './capture-options.ts';
import { type CaptureRecord, keepRecord, readRecord } from './capture-record.ts';
import { type CapturePlan, runCapture } from './capture-run.ts';
import { prepare } from './capture-setup.ts';
import { type Ahead, addressees, sharingAhead } from './capture-sharing.ts';
import { checkinPlan } from './checkins.ts';
import { type Happening, tellerFor } from './events.ts';
import { evidenceCommand } from './evidence-command.ts';
import type { StreamKey } from './keys-file.ts';
import { lockDirectory } from './lock.ts';
import { credentialsFrom, type Login, loginAt } from './login.ts';
import { decimal, type Given, milliseconds, wholeNumber } from './options.ts';
import { type Chance, seededChance } from './seeded.ts';
import { patience, sendBy, serverFrom, serviceAt } from './service.ts';
import { accountAt } from './session-commands.ts';
import { checkSource, parseSource, type SourcePlan, type SourceWish } from './sources.ts';
import { Staging } from './staging.ts';
import { throughWeather } from './weather.ts';

const DETAILS = `
Begins an incident with one stream, prints a link for those who may see that it is there, and records. Each piece
is sealed in memory under a key that never leaves this machine in the clear, written to the staging directory, and
uploaded while the recording goes on. The server can open none of it.

The key lies in keys.json in the staging directory. --to wraps a copy for somebody, as an age file beside that
directory, before the first chunk leaves; that of a contact (sallyport keys register) is on the server first as well.
Whoever has neither cannot open the recording: not you, not the server.

  sallyport login --user NAME                      once, in quiet: a session is kept for later
  sallyport capture --media audio --source ffmpeg:microphone --to anna --to age1…
  sallyport capture --media video --source ffmpeg:screen --duration 10m
  sallyport capture --resume DIR                   after a crash, a lost session or a lost network
  sallyport open DIR --keys DIR/keys.json          look at what is kept here

Ctrl-C ends the recording in order: the last chunk is marked, everything is uploaded, the stream is completed. A
second Ctrl-C leaves the rest in the staging directory. When that is full, a recording that happens now is ended
and says so; a file, a pipe or a signal waits for room. Nothing that was recorded is thrown away.
`;

export const captureCommand = evidenceCommand({
  words: ['capture'],
  usage: 'capture --media TYPE --source SOURCE [OPTIONS]',
  summary: 'Record, seal and upload evidence.',
  details: DETAILS,
  options: CAPTURE_OPTIONS,
  positionals: [0, 0],
  run: capture,
});

async function capture(world: World, given: Given): Promise<number> {
  // Whoever read along may go; the recording goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const teller = tellerFor(world, { json: given.has('json'), quiet: given.has('quiet') });
  const from = given.value('resume');
  const resumed = from === undefined ? undefined : resolve(world.cwd, from);
  const { base, route } = await serverOf(world, given, resumed);
  const begun = resumed === undefined ? await newRecord(world, given, base) : await readRecord(resumed);
  const wish = await wishOf(world, given, begun);
  const checkins = checkinPlan(given);
  const weather = weatherIn(given);
  const chance = chanceOf(world, given);

  const plainly = sendBy(route);
  let through = plainly;
  const service = serviceAt(world, base, patience(world, teller.say, chance), (sending) => through(sending));
  const login = await loginAt(world, service, credentialsOf(world, given, begun), (line) => {
    teller.clear();
    world.stderr.write(`${line}\n`);
  });
  // Before anything is made: a session that works, and whom it is for.
  const account = await accountAt(service, login);
  const named =
    resumed === undefined ? { ...begun, ...(await addressees(world, account, begun.recipients)) } : begun;

  const directory = resumed ?? (await makeDirectory(world, given, named));
  const unlock = await lockDirectory(directory, process.pid);
  let staging: Staging | undefined;
  try {
    staging = await Staging.open(world, directory);
    const { record, place, key } = await prepare({ world, login, directory, tell: teller.tell }, named);
    if (weather !== undefined) through = throughWeather(plainly, weather, world, chance);
    const plan: CapturePlan = {
      world,
      teller,
      login,
      staging,
      record,
      place,
      key,
      chance,
      checkins,
      resumed: resumed !== undefined,
      wish,
      sourcePlan: sourcePlan(world, given, record, staging),
      maxWaitMs: maxWaitMs(given),
      ahead: sharing(world, login, directory, record, { ...place, key }, teller.tell),
    };
    return await runCapture(plan);
  } finally {
    teller.clear();
    await staging?.close();
    await unlock();
  }
}

/** The contacts who still wait for their wrapped key; each is written down when it has it. */
function sharing(
  world: World,
  login: Login,
  directory: string,
  record: CaptureRecord,
  key: StreamKey,
  tell: (happening: Happening) => void,
): Ahead {
  const shared = [...record.shared];
  return sharingAhead({
    ...{ login, key, tell },
    contacts: record.contacts.filter(({ keyId }) => !shared.includes(keyId)),
    async done({ keyId }) {
      shared.push(keyId);
      await keepRecord(world, directory, { ...record, shared });
    },
  });
}

/** A capture that goes on asks the server that it began with. */
async function serverOf(world: World, given: Given, resumed: string | undefined) {
  if (resumed === undefined) return await serverFrom(world, given);
  if (given.has('server')) throw usage('A capture goes on at the server where it began; leave --server out.');
  const { server } = await readRecord(resumed);
  return await serverFrom(world, {
    ...given,
    value: (name) => (name === 'server' ? server : given.value(name)),
  });
}

async function wishOf(world: World, given: Given, record: CaptureRecord): Promise<SourceWish | undefined> {
  if (given.has('upload-only')) {
    if (!given.has('resume')) throw usage('--upload-only goes with --resume.');
    return undefined;
  }
  const wish = parseSource(given.value('source') ?? record.source, world.cwd);
  const stdin = [given.value('password-file'), given.value('totp-file')].filter(
    (file) => file === '-',
  ).length;
  if (stdin + (wish.kind === 'stdin' ? 1 : 0) > 1)
    throw usage('Standard input can be the recording, the password or the code, but only one of them.');
  await checkSource(world, wish, sourcePlan(world, given, record, undefined));
  return wish;
}

function sourcePlan(
  world: World,
  given: Given,
  record: CaptureRecord,
  staging: Staging | undefined,
): SourcePlan {
  const recordedBytes = staging?.recordedBytes ?? 0;
  const duration = milliseconds(given, 'duration');
  return {
    media: record.mediaType,
    device: given.value('device') ?? record.device,
    recordedBytes,
    offsetSeconds: recordedBytes === 0 ? 0 : (world.now() - Date.parse(record.createdAt)) / 1000,
    duration: duration === undefined ? undefined : duration / 1000,
    speed: decimal(given, 'speed', 0.001, 1e6) ?? 1,
  };
}

function credentialsOf(world: World, given: Given, record: CaptureRecord) {
  const credentials = credentialsFrom(world, given);
  return { ...credentials, username: credentials.username ?? record.username };
}

function chanceOf(world: World, given: Given): Chance {
  const seed = wholeNumber(given, 'seed', 0, 2 ** 32 - 1);
  if (seed !== undefined) return seededChance(seed);
  const [a = 0, b = 0, c = 0, d = 0] = world.random(4);
  return seededChance((a << 24) | (b << 16) | (c << 8) | d);
}
