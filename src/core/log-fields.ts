/**
 * The fields of the log: every one that a line can have. `LogFields` follows from this table, so a line with another
 * field does not compile, and docs/logs.md is written from it.
 *
 * Values are numbers, booleans and names of ours; never text that came with a request, except for a request id that
 * its sender chose within 64 characters that name nothing else.
 */
type FieldType = 'string' | 'number' | 'boolean';

interface FieldNote {
  readonly type: FieldType;
  readonly meaning: string;
  readonly example: string | number | boolean;
}

const text = (meaning: string, example: string) => ({ type: 'string', meaning, example }) as const;
const count = (meaning: string, example: number) => ({ type: 'number', meaning, example }) as const;

/** Every line has these. The writer adds them. */
export const LINE_FIELDS = {
  time: text('When, RFC 3339 in UTC with milliseconds.', '2026-01-02T03:04:05.678Z'),
  level: text('`debug`, `info`, `warn` or `error`.', 'info'),
  msg: text('What happened, in standing words: group by it.', 'request'),
} as const satisfies Readonly<Record<string, FieldNote>>;

/** What lines have besides, by what they tell. */
export const LOG_FIELDS = {
  request_id: text(
    "The request's id, as in `X-Request-ID` of the answer: the caller's where it matches `[A-Za-z0-9._-]{1,64}`.",
    '5f0c…',
  ),
  listener: text('`main` or `admin`.', 'main'),
  method: text('The method, or `OTHER`.', 'GET'),
  route: text("The route's pattern, or the part of the path that a pattern covers.", '/i/{token}/data'),
  status: count('HTTP status.', 200),
  bytes: count('Bytes of the body that left; of `chunks moved`, bytes that were copied.', 1024),
  duration_ms: count('Milliseconds from the head of the request to the end of the answer.', 12),
  slow: {
    type: 'boolean',
    meaning: 'True where that took as long as `SAFE_SLOW_REQUEST` or longer; absent otherwise.',
    example: true,
  },
  broken: text('The transfer ended early: the name of the error.', 'AbortError'),
  error_type: text('The type of what was thrown, never its message.', 'RangeError'),
  error_kind: text(
    'What is wrong with the storage: `busy`, `full`, `disk`, `denied`, `overloaded`, `internal`, or `unknown` (whether a write happened).',
    'full',
  ),
  error_category: text('Why a bundle broke: `not_found` or `internal`.', 'internal'),
  error_code: text(
    "The runtime's name for what is wrong with a connection, or the engine's for what is wrong with the storage.",
    'SQLITE_FULL',
  ),
  code: text('`debug`: the code of a refusal, as in its body.', 'paste_not_found'),
  reason: text(
    'Why a mail or a webhook was not taken, a reload refused, or connections ended, in one word.',
    'timeout',
  ),
  attempts: count('How often it was tried.', 3),
  event: text('The webhook event.', 'paste.created'),
  task: text("The work in the background, or the operator's command.", 'mailer'),
  backend: text('What coordinates: `valkey` or `redis`.', 'valkey'),
  operation: text('`stream_bundle` or `incident_bundle`.', 'stream_bundle'),
  to: text('Where chunks are moved to.', 's3'),
  moved: count('How many chunks were moved.', 100),
  failed: count('How many were not.', 0),
  leapt_seconds: count('How far the clock leapt ahead.', 3600),
  connections: count('How many connections were ended for want of places, since the last such line.', 1),
  requests_cut: count('How many requests were cut when the time for finishing was over.', 0),
  version: text("The program's version.", '1.0.0'),
  pid: count('The process.', 1234),
  sockets: count('How many listening sockets were handed over by the service manager.', 2),
  setting: text(
    '`SAFE_…` names, with commas: what was read again, or what needs a restart.',
    'SAFE_LOG_LEVEL',
  ),
  what_to_do: text('What is wrong and what to do, as standing sentences.', 'Set SAFE_DATABASE_URL.'),
} as const satisfies Readonly<Record<string, FieldNote>>;

type Fields = typeof LOG_FIELDS;
interface Types {
  readonly string: string;
  readonly number: number;
  readonly boolean: boolean;
}

/** What a line can carry. Absent and undefined are the same. */
export type LogFields = { readonly [Name in keyof Fields]?: Types[Fields[Name]['type']] | undefined };
