/** Links for tests, and what they show: asked as a browser would, with every answer held against the documents. */
import { answers, post, type Session } from './ask.ts';
import { keepChunk, newIncident, newStream, newViewerToken, type Owner } from './evidence.ts';
import { type House, ORIGIN } from './house.ts';
import { checkAnswer } from './openapi.ts';

export interface Looked {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  readonly text: string;
  /** The JSON of the body. */
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it asked for
  readonly json: any;
}

/** What browsers send when a person opens a link. */
export const BROWSER_ACCEPT = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

/** Asks the main door for something that a link or a page of it leads to. */
export async function look(
  doors: Pick<House, 'main'>,
  path: string,
  init: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Looked> {
  const { method = 'GET' } = init;
  const response = await doors.main(new Request(`${ORIGIN}${path}`, init));
  const { status, headers } = response;
  const bytes = new Uint8Array(await response.arrayBuffer());
  // The old form of links is in no document.
  if (!path.startsWith('/e/')) checkAnswer('main', { method, path, status, headers, body: bytes });
  const text = new TextDecoder().decode(bytes);
  const isJson = text !== '' && headers.get('content-type') === 'application/json';
  return { status, headers, bytes, text, json: isJson ? JSON.parse(text) : undefined };
}

/** An incident with a recording in each state, and a link to it. */
export interface Scene {
  readonly incidentId: string;
  readonly tokenId: string;
  readonly token: string;
  /** Complete, of two chunks; open, of one; failed, of one. */
  readonly complete: string;
  readonly open: string;
  readonly failed: string;
}

export const SCENE_LABEL = 'Walk <home> & "back"';
export const SCENE_NOTES = 'notes that only the owner reads';
export const SCENE_TOKEN_LABEL = 'for my sister alone';

/** Makes one. Time goes on by a minute between its steps. */
export async function newScene(house: House, { as, ...owner }: Owner): Promise<Scene> {
  const minute = () => house.clock.advance(60_000);
  const incidentId = await newIncident(house, as, {
    client_label: SCENE_LABEL,
    notes: SCENE_NOTES,
    incident_mode: 'safety_check',
    sharing_state: 'public_link_created',
  });
  const stream = async (media_type: 'audio' | 'video', chunks: number, label?: string) => {
    minute();
    const streamId = await newStream(house, as, incidentId, { media_type, ...(label && { label }) });
    for (let index = 1; index <= chunks; index += 1) {
      minute();
      await keepChunk(house, { as, ...owner }, { incidentId, streamId, index, mediaType: media_type });
    }
    return streamId;
  };
  const ended = async (streamId: string, how: string, body: object) => {
    minute();
    answers(await post(house, `/v1/incidents/${incidentId}/streams/${streamId}/${how}`, as, body), 200);
  };
  const complete = await stream('video', 2, 'front <camera>');
  await ended(complete, 'complete', { expected_chunk_count: 2 });
  const failed = await stream('video', 1);
  await ended(failed, 'fail', { failure_reason: 'the <camera> was taken away' });
  const open = await stream('audio', 1);
  minute();
  await checkIn(house, as, incidentId, {
    latitude: 52.5200081234,
    longitude: -13.4,
    accuracy_meters: 12.4,
    device_battery_percent: 40,
    device_network: '<wifi>',
  });
  const link = await newViewerToken(house, as, incidentId, { label: SCENE_TOKEN_LABEL });
  return { incidentId, ...link, complete, open, failed };
}

/** Checks in. */
export async function checkIn(
  doors: Pick<House, 'main' | 'admin'>,
  as: Session,
  incidentId: string,
  fields: object,
): Promise<void> {
  answers(await post(doors, `/v1/incidents/${incidentId}/checkins`, as, fields), 201);
}

/** The paths of a link, with an existing stream. */
export const pathsOfLink = (token: string, streamId: string, root = '/i'): readonly string[] => [
  `${root}/${token}`,
  `${root}/${token}/data`,
  `${root}/${token}/viewer-payload`,
  `${root}/${token}/streams/${streamId}/download`,
  `${root}/${token}/incident/download`,
];

/** Every row of every table, by table; bytes as hex. */
export async function allRowsOf({ db }: House): Promise<Map<string, string[]>> {
  const sql = `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`;
  const [found] = await db.batch([{ sql }], 'read');
  const tables = new Map<string, string[]>();
  for (const [name] of found?.rows ?? []) {
    const [rows] = await db.batch([{ sql: `SELECT * FROM "${String(name)}"` }], 'read');
    const textOf = (value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
    tables.set(String(name), (rows?.rows ?? []).map((row) => JSON.stringify(row.map(textOf))).sort());
  }
  return tables;
}
