/** From settings to two open doors: the ports are made here, on Node and on Bun alike. */
import { randomBytes } from 'node:crypto';
import type { Deps, Metrics } from '../src/core/deps.ts';
import { errorFields } from '../src/core/faults.ts';
import { memoryLimiter } from '../src/core/limiter.ts';
import { noMailer } from '../src/core/mail.ts';
import { noMetrics, OTHER_METHOD, UNKNOWN_ROUTE } from '../src/core/metrics.ts';
import { inNetworks, publicOrigin, type SettingsResult, settingsWarnings } from '../src/core/settings.ts';
import type { Settings } from '../src/core/settings-types.ts';
import { keyedTurns } from '../src/core/turns.ts';
import { VERSION } from '../src/core/version.ts';
import { hashWith } from '../src/crypto/hash.ts';
import { DbError } from '../src/store/db.ts';
import { libsqlStore } from '../src/store/libsql/store.ts';
import { placesWithin } from './admission.ts';
import { nodeHasher } from './argon2.ts';
import { background } from './background.ts';
import { openBlobs } from './blobs.ts';
import { acquire } from './control.ts';
import { ControlError } from './control-protocol.ts';
import { nodeCrc32, nodeDigest, nodeSha256 } from './digest.ts';
import { freeBytes, openFilesLimit } from './disk.ts';
import { doctorCommands } from './doctor.ts';
import type { HandedSockets } from './handed-sockets.ts';
import { settledKeys, settledSigner } from './keys.ts';
import { type Handler, type Listener, type ListenerPlan, StartError } from './listener.ts';
import type { ProcessLog } from './log.ts';
import { operatorCommands } from './operator.ts';
import { PlainResponse } from './plain-response.ts';
import { pooledRandom } from './random.ts';
import { type Reloaded, setLevel, takeUp } from './reload.ts';
import { bootstrapPort, bootstrapSecret } from './secrets.ts';
import { EXIT, GRACE_MS } from './shutdown.ts';
import { openSnapshots, snapshotCommands, sweepSnapshots } from './snapshots.ts';
import { databaseProblem, openDatabase } from './storage.ts';
import { watchedDatabase } from './storage-watch.ts';
import { tlsMaterial } from './tls-files.ts';
import { startUpkeep, type Upkeep } from './upkeep.ts';

/** How many peers are counted at a time; about 25 MB when all places are taken. */
const COUNTED_PEERS = 100_000;
/** How many passwords may wait to be hashed. */
const QUEUED_HASHES = 64;
/** Bytes of an upload that nobody continues are swept after so long. */
const STAGING_LIFETIME_MS = 15 * 60_000;

export interface Runtime {
  openListener(plan: ListenerPlan): Promise<Listener>;
  /** Reads the settings again, from where they came from. */
  load(): SettingsResult;
  /** Listening sockets that were handed over to this process. */
  readonly sockets?: HandedSockets;
}

export interface Running {
  /** Where each door is. */
  readonly doors: { readonly main: readonly string[]; readonly admin: readonly string[] };
  /** The file with the one-time bootstrap secret, while one is there to be used. */
  readonly bootstrapFile: string | undefined;
  /** Sentences for the operator. */
  readonly warnings: readonly string[];
  /** Takes up what has changed in the settings and in their files, where that can be done without a restart. */
  reload(): Promise<Reloaded>;
  /** Stops accepting, finishes what is in flight (at most {@link GRACE_MS}), and closes everything. */
  stop(): Promise<void>;
}

/**
 * Opens storage, then both doors. What only some settings ask for is imported where they do: a library for timestamps
 * alone would be a tenth of a start.
 * @throws StartError with one sentence that says what to do; everything that was open is closed again
 */
export async function compose(given: Settings, runtime: Runtime, log: ProcessLog): Promise<Running> {
  // One object for as long as the process lives: a reload changes what is in it, and who looks again sees that.
  const settings: Settings = { ...given };
  // What was opened, last first: a failed start and a stop both close in that order.
  const closers: (() => Promise<void> | void)[] = [];
  const closeAll = async () => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  };
  hashWith(nodeSha256);
  try {
    const owned = await acquire(settings.dataDir, { version: VERSION, now: Date.now() });
    closers.push(() => owned.release());
    // What is behind the doors loads while the database's threads start.
    const behindDoors = Promise.all([import('../src/handlers/main.ts'), import('../src/handlers/admin.ts')]);
    const { db: opened, close } = await openDatabase({
      database: settings.database,
      now: Date.now(),
      onFatal: (error) => {
        log.write('error', 'the database thread ended', {
          ...errorFields(error),
          error_kind: error.kind,
          what_to_do:
            'Nothing can be stored without it, so the process ends. Start it again; what was acknowledged is there.',
        });
        log.flush();
        process.exit(EXIT.failed);
      },
    });
    closers.push(close);
    const db = watchedDatabase(opened, settings.database.kind, log, () => performance.now());
    const coordination =
      settings.coordination.backend === 'none'
        ? undefined
        : await (await import('./valkey.ts')).openCoordination(
            settings.coordination,
            settings.uploads.coordinationLeaseTtlMs,
            log,
          );
    closers.push(async () => coordination?.close());
    const hasher = nodeHasher({ maxQueued: QUEUED_HASHES });
    closers.push(() => hasher.close());

    const { listFile } = settings.auth.passwords;
    const passwordList =
      listFile === undefined
        ? undefined
        : await (await import('./password-list.ts')).openPasswordList(listFile);
    closers.push(async () => passwordList?.close());

    const { blobs, warnings: blobWarnings } = await openBlobs(db, {
      settings: settings.blobs,
      stagingQuotaBytes: settings.uploads.stagingQuotaBytes,
      stagingLifetimeMs: STAGING_LIFETIME_MS,
      check: true,
    });
    const { webhook } = settings;
    const webhookKeys: Uint8Array[] = [...(webhook?.secrets ?? [])];
    const store = libsqlStore(db, webhook?.events);
    // Doors elsewhere write down what is delivered from here.
    await store.webhooks.announce(webhook?.events ?? []);
    const keys = await settledKeys(settings, store.secretKey);
    const signer = await settledSigner(settings.dataDir, store.log);
    const { email } = settings;
    const openMailer = email.backend === 'none' ? undefined : (await import('./mailer.ts')).openMailer;
    let smtp = openMailer?.(email);
    closers.push(async () => smtp?.close());
    const tasks = background(log);
    closers.push(() => tasks.finish());

    const { database } = settings;
    const metrics = await openMetrics(settings);
    let upkeep: Upkeep | undefined;
    const ports: Omit<Deps, 'origin'> = {
      settings,
      store,
      blobs,
      limiter: coordination?.limiter ?? memoryLimiter({ maxEntries: COUNTED_PEERS }),
      hasher,
      keys,
      signer,
      turns: keyedTurns(),
      uploadLeases: coordination?.uploadLeases,
      log,
      metrics,
      mailer: { send: (message) => (smtp ?? noMailer).send(message) },
      bootstrap: bootstrapPort(settings.auth.bootstrap, settings.dataDir),
      passwordList,
      background: tasks.run,
      deletionDecided: () => upkeep?.deletionDecided(),
      startedAt: Date.now(),
      now: () => Date.now(),
      elapsed: () => performance.now(),
      random: pooledRandom(),
      digest: nodeDigest,
      crc32: nodeCrc32,
      ...(database.kind === 'file' && { diskFree: () => freeBytes(database.path) }),
      after: (ms, then) => {
        const timer = setTimeout(then, ms);
        return () => clearTimeout(timer);
      },
      respond: (content, init) => new PlainResponse(content, init) as unknown as Response,
      // The listener announces the length and refuses to end a body that has another one.
      sized: (stream) => stream,
    };
    upkeep = await startUpkeep(ports, { db, webhookKeys, closing: (close) => closers.push(close) });

    let bootstrapFile: string | undefined;
    // A process that ended right after the first admin was made has left its secret behind.
    if (await store.accounts.adminExists()) await ports.bootstrap.spent();
    else if (settings.auth.bootstrap.kind === 'generated') bootstrapFile = bootstrapSecret(settings.dataDir);

    const wanted = { main: settings.connections.main.max, admin: settings.connections.admin.max };
    const places = placesWithin(openFilesLimit(), wanted);
    const fewFiles =
      places.main < wanted.main
        ? [
            `So few files may be open that the main door takes ${places.main} connections at a time, not ${wanted.main}. Raise the limit (LimitNOFILE, ulimit -n) to 65536.`,
          ]
        : [];

    // Links carry the port of the main door, which is known once it is bound; requests wait for that moment.
    const ready = Promise.withResolvers<{ main: Handler; admin: Handler }>();
    const open = async (door: 'main' | 'admin') => {
      const tls = tlsMaterial(settings[door].tls);
      const handed = runtime.sockets?.[door];
      const listener = await runtime.openListener({
        door,
        handler: behind(ready.promise.then((handlers) => handlers[door])),
        addresses: settings[door].addresses,
        ...(handed !== undefined && handed.length > 0 && { sockets: handed }),
        timeouts: settings.http[door],
        connections: {
          max: places[door],
          perPeer: settings.connections[door].perPeer,
          many: (address) => inNetworks(settings.trustedProxies, address),
        },
        ...(tls !== undefined && { tls }),
        log,
        requestId: () => randomBytes(16).toString('hex'),
        refused: (status) => metrics.observe(door, UNKNOWN_ROUTE, OTHER_METHOD, status, 0),
      });
      closers.push(async () => {
        await listener.stop(0);
      });
      return listener;
    };
    const main = await open('main');
    const admin = await open('admin');
    const origin = publicOrigin(settings, { port: Number(new URL(main.urls[0] ?? '').port) });
    const deps: Deps = { ...ports, origin };
    const [{ createMain }, { createAdmin }] = await behindDoors;
    ready.resolve({ main: createMain(deps), admin: createAdmin(deps) });
    sweepSnapshots(settings.dataDir);
    const snapshots = openSnapshots(db, settings.dataDir);
    closers.push(() => snapshots.close());
    const reload = async (): Promise<Reloaded> => {
      const outcome = takeUp(settings, runtime.load(), { main, admin });
      if (!outcome.ok) {
        log.write('error', 'reload refused', { reason: outcome.reason });
        return outcome;
      }
      const { applied, restart } = outcome;
      log.setLevel(settings.logLevel);
      if (applied.includes('SAFE_WEBHOOK_SECRET'))
        webhookKeys.splice(0, webhookKeys.length, ...(settings.webhook?.secrets ?? []));
      if (applied.includes('SAFE_SMTP_PASSWORD')) {
        const before = smtp;
        smtp = openMailer?.(settings.email);
        // What is under way still leaves by the old one.
        tasks.run('mailer', async () => before?.close());
      }
      log.write('info', 'reloaded', applied.length > 0 ? { setting: applied.join(',') } : {});
      if (restart.length > 0)
        log.write('warn', 'settings that need a restart', { setting: restart.join(',') });
      return outcome;
    };
    owned.answer({
      ...operatorCommands(deps),
      reload,
      'log.level': (args) => setLevel(log, args),
      ...snapshotCommands(snapshots),
      ...doctorCommands({ db, settings }),
    });

    return {
      doors: { main: main.urls, admin: admin.urls },
      bootstrapFile,
      warnings: [...settingsWarnings(settings, origin), ...blobWarnings, ...fewFiles],
      reload,
      async stop() {
        const [cutMain, cutAdmin] = await Promise.all([main.stop(GRACE_MS), admin.stop(GRACE_MS)]);
        log.write('info', 'doors closed', { requests_cut: cutMain + cutAdmin });
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    if (error instanceof ControlError) throw new StartError(error.message);
    if (error instanceof DbError) throw databaseProblem(error, settings.database);
    throw error;
  }
}

/** What nobody may ask for is not measured. */
async function openMetrics({ metricsToken, database }: Settings): Promise<Metrics> {
  if (metricsToken === undefined) return noMetrics;
  const { promMetrics } = await import('./metrics.ts');
  return promMetrics(database.kind === 'file' ? { databaseFile: database.path } : {});
}

/** A handler that waits for the real one, and from then on costs nothing. */
function behind(coming: Promise<Handler>): Handler {
  let handler: Handler = async (request, peer) => (await coming)(request, peer);
  // A start that fails elsewhere leaves this unanswered; that is no second failure.
  coming.then(
    (real) => {
      handler = real;
    },
    () => {},
  );
  return (request, peer) => handler(request, peer);
}
