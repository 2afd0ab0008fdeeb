/** `sallyport stream complete|fail`: ends a stream whose recorder cannot. */

import { usage } from '../../shared/failure.ts';
import { type Command, tell } from '../command.ts';
import { completeStream, failStream, listChunks } from './completing.ts';
import { evidenceCommand } from './evidence-command.ts';
import { isIncidentId, isStreamId } from './keys-file.ts';
import type { Login } from './login.ts';
import { type Given, type Option, OUTPUT, SERVER, wholeNumber } from './options.ts';
import { connected } from './session-commands.ts';

const EXPECTED: Option = {
  name: 'expected',
  value: 'N',
  help: 'how many chunks the stream must have (default: as many as the server has)',
};
const REASON: Option = {
  name: 'reason',
  value: 'TEXT',
  help: 'why it failed; the server and viewers can read it',
};

/** Incident and stream from the command line. Throws a usage failure. */
export function placeIn(given: Given): readonly [string, string] {
  const [incident = '', stream = ''] = given.positionals;
  if (!isIncidentId(incident) || !isStreamId(stream))
    throw usage('Name the incident (inc_…) and the stream (str_…).');
  return [incident, stream];
}

function streamCommand(
  verb: 'complete' | 'fail',
  option: Option,
  summary: string,
  details: string,
  act: (
    login: Login,
    incident: string,
    stream: string,
    given: Given,
  ) => Promise<Readonly<Record<string, unknown>>>,
): Command {
  return evidenceCommand({
    words: ['stream', verb],
    usage: `stream ${verb} INCIDENT STREAM [--${option.name} ${option.value}] [OPTIONS]`,
    summary,
    details,
    options: [['Options', [option]], SERVER, OUTPUT],
    positionals: [2, 2],
    async run(world, given) {
      const [incident, stream] = placeIn(given);
      const { login } = await connected(world, given);
      const ended = await act(login, incident, stream, given);
      const count =
        ended.expected_chunk_count === undefined ? '' : `, ${String(ended.expected_chunk_count)} chunks`;
      tell(given.has('json'), { stream: ended }, [`${stream}: ${String(ended.status)}${count}.`]);
      return 0;
    },
  });
}

export const streamCommands: readonly Command[] = [
  streamCommand(
    'complete',
    EXPECTED,
    'Complete a stream whose recorder is gone.',
    `
Its chunks can then be downloaded as a bundle, and nothing more can be added. Whether the recording was whole is
another question: sallyport open says whether its end is proven.
`,
    async (login, incident, stream, given) => {
      let count = wholeNumber(given, 'expected', 1, Number.MAX_SAFE_INTEGER);
      if (count === undefined) {
        count = 0;
        for await (const chunk of listChunks(login, incident)) if (chunk.streamId === stream) count += 1;
        if (count === 0)
          throw usage('The server has no chunk of this stream. sallyport stream fail ends it.');
      }
      return await completeStream(login, incident, stream, count);
    },
  ),
  streamCommand(
    'fail',
    REASON,
    'Mark a stream as failed; its chunks are kept.',
    `
Nothing more can be added to it, and it is in no bundle. Its owner can still read what is there:
sallyport open --from-server INCIDENT STREAM --keys FILE
`,
    (login, incident, stream, given) => failStream(login, incident, stream, given.value('reason')),
  ),
];
