/**
 * Reads our Containerfile: the part of https://docs.docker.com/reference/dockerfile/ that it keeps to. An instruction
 * is one line; whatever is not known is refused, so that nothing is left out silently where no engine is at hand.
 */

export interface Copy {
  readonly kind: 'copy';
  /** Another stage; without it, the build context. */
  readonly from?: string;
  readonly sources: readonly string[];
  readonly target: string;
}

export interface Run {
  readonly kind: 'run';
  readonly command: string;
}

export interface Workdir {
  readonly kind: 'workdir';
  readonly path: string;
}

export interface Stage {
  readonly name: string;
  readonly base: string;
  readonly steps: readonly (Copy | Run | Workdir)[];
}

/** What a container of the image starts with. */
export interface ImageConfig {
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  /** `UID:GID`, numbers. */
  readonly user: string;
  readonly volumes: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly health: readonly string[];
}

export interface Containerfile {
  readonly stages: readonly Stage[];
  /** Of the last stage. */
  readonly config: ImageConfig;
}

/** @throws Error that names the line */
export function parseContainerfile(text: string): Containerfile {
  const defaults = new Map<string, string>();
  const stages: { name: string; base: string; steps: (Copy | Run | Workdir)[] }[] = [];
  let config = emptyConfig();
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const refuse = (why: string): never => {
      throw new Error(`Containerfile, line ${index + 1}: ${why}`);
    };
    if (line.endsWith('\\')) refuse('an instruction is one line');
    const [, word = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? refuse('not understood');
    const list = (): readonly string[] => {
      const value: unknown = JSON.parse(rest.replace(/^.*?(?=\[)/, ''));
      if (!Array.isArray(value) || !value.every((one) => typeof one === 'string'))
        return refuse('a list of strings is needed');
      return value;
    };
    const steps = () => stages.at(-1)?.steps ?? refuse(`${word} before FROM`);
    if (word === 'ARG') {
      const [, name = '', value = ''] = /^(\w+)=(\S+)$/.exec(rest) ?? refuse('ARG needs a default');
      if (stages.length > 0) refuse('ARG stands before FROM');
      defaults.set(name, value);
    } else if (word === 'FROM') {
      const [, base = '', name] = /^(\S+)(?: AS (\w+))?$/.exec(rest) ?? refuse('not understood');
      const filled = base.replace(
        /\$\{(\w+)\}/g,
        (_, key: string) => defaults.get(key) ?? refuse(`no ${key}`),
      );
      stages.push({ name: name ?? 'last', base: filled, steps: [] });
      config = emptyConfig();
    } else if (word === 'RUN') steps().push({ kind: 'run', command: rest });
    else if (word === 'WORKDIR') {
      steps().push({ kind: 'workdir', path: rest });
      config = { ...config, workdir: rest };
    } else if (word === 'COPY') {
      const words = rest.split(/\s+/);
      const from = /^--from=(\w+)$/.exec(words[0] ?? '')?.[1];
      const paths = from === undefined ? words : words.slice(1);
      if (paths.length < 2 || paths.some((path) => path.startsWith('--'))) refuse('not understood');
      const target = paths.at(-1) ?? '';
      if (paths.length > 2 && !target.endsWith('/')) refuse('several files go into a folder/');
      const sources = paths.slice(0, -1);
      steps().push({ kind: 'copy', ...(from !== undefined && { from }), sources, target });
    } else if (word === 'ENV') {
      const [, name = '', value = ''] = /^(\w+)=(\S+)$/.exec(rest) ?? refuse('ENV is NAME=value');
      config = { ...config, env: { ...config.env, [name]: value } };
    } else if (word === 'USER') config = { ...config, user: rest };
    else if (word === 'VOLUME') config = { ...config, volumes: [...config.volumes, rest] };
    else if (word === 'ENTRYPOINT') config = { ...config, entrypoint: list() };
    else if (word === 'CMD') config = { ...config, cmd: list() };
    else if (word === 'HEALTHCHECK') config = { ...config, health: list() };
    else if (word !== 'EXPOSE' && word !== 'STOPSIGNAL') refuse(`${word} is not known here`);
  }
  if (stages.length === 0) throw new Error('The Containerfile has no FROM.');
  return { stages, config };
}

function emptyConfig(): ImageConfig {
  return { env: {}, workdir: '/', user: '', volumes: [], entrypoint: [], cmd: [], health: [] };
}
