/** What is installed, against docs/dependencies.md: nothing unnamed, no licence in the way, no script to run. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';

const root = join(import.meta.dirname, '..', '..');
const text = (...path: string[]) => readFile(join(root, ...path), 'utf8');

/** Licences under which something may be given out together with AGPL-3.0-only. */
const COMPATIBLE = new Set(['MIT', 'MIT-0', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Apache-2.0']);

type Versions = Readonly<Record<string, string>>;

interface Manifest {
  readonly dependencies: Versions;
  readonly optionalDependencies: Versions;
  readonly devDependencies: Versions;
}

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
}

describe('what Sallyport is made of', () => {
  let manifest: Manifest;
  /** By place, `node_modules/…`. */
  let locked: Map<string, Locked>;
  /** Places of what is installed to run, not to develop. */
  let running: [string, Locked][];
  /** The document's rows, cells without their backquotes: one list a heading of the second level. */
  const rows = new Map<string, string[][]>();

  const nameOf = (place: string) => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const under = (heading: string) => rows.get(heading) ?? [];

  before(async () => {
    manifest = JSON.parse(await text('package.json'));
    const { packages } = JSON.parse(await text('package-lock.json')) as { packages: Record<string, Locked> };
    locked = new Map(Object.entries(packages).filter(([place]) => place !== ''));
    // What is only an optional peer of something that runs is a tool all the same, and brings only tools along.
    const declared = (place: string) => /^(typescript|@typescript\/)/.test(nameOf(place));
    running = [...locked].filter(([place, { dev }]) => dev !== true && !declared(place));
    for (const section of (await text('docs', 'dependencies.md')).split(/^## /m).slice(1)) {
      const [heading = ''] = section.split('\n');
      const cells = [...section.matchAll(/^\| (?!Package|Licence)(.*) \|$/gm)].map(([, row = '']) =>
        row.split(' | ').map((cell) => cell.replaceAll('`', '').trim()),
      );
      rows.set(heading, cells);
    }
  });

  it('is listed with its licence and a reason, each direct dependency and no other', async () => {
    const listed = (heading: string) =>
      under(heading).map(([name = '', licence = '', why = '']) => {
        assert.ok(why.length > 10, `${name} has no reason`);
        assert.equal(licence, locked.get(`node_modules/${name}`)?.license, `the licence of ${name}`);
        return name;
      });
    assert.deepEqual(
      listed('What the server and its commands run').sort(),
      Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }).sort(),
    );
    assert.deepEqual(
      listed('What develops and tests it').sort(),
      Object.keys(manifest.devDependencies).sort(),
    );
  });

  it('lists what those bring along, by licence', () => {
    const direct = { ...manifest.dependencies, ...manifest.optionalDependencies };
    const brought = running.filter(([place]) => !(nameOf(place) in direct));
    const expected = new Set(brought.map(([place, { license }]) => `${license}: ${nameOf(place)}`));
    const listed = under('What those bring along').flatMap(([licence = '', names = '']) =>
      names.split(', ').map((name) => `${licence}: ${name}`),
    );
    assert.deepEqual(listed.sort(), [...expected].sort());
  });

  it('is under licences that go with AGPL-3.0-only, as each installed package says itself', async () => {
    let looked = 0;
    for (const [place, { license, version }] of running) {
      assert.ok(COMPATIBLE.has(license ?? ''), `${place} is under ${license}`);
      // Packages for other platforms are locked and not here.
      if (!existsSync(join(root, place, 'package.json'))) continue;
      const own = JSON.parse(await text(place, 'package.json'));
      assert.deepEqual([own.license, own.version], [license, version], place);
      looked += 1;
    }
    assert.ok(looked > 60, `only ${looked} packages were looked at`);
  });

  it('is pinned: exact versions, each with its digest, all from one registry', () => {
    for (const [name, version] of Object.entries({
      ...manifest.dependencies,
      ...manifest.optionalDependencies,
      ...manifest.devDependencies,
    })) {
      assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name);
      assert.equal(locked.get(`node_modules/${name}`)?.version, version, name);
    }
    for (const [place, { integrity, resolved }] of locked) {
      assert.match(integrity ?? '', /^sha512-[A-Za-z0-9+/]{86}==$/, `${place} has no digest`);
      assert.ok(resolved === undefined || resolved.startsWith('https://registry.npmjs.org/'), place);
    }
  });

  it('runs without any install script, and npm is told to run none', async () => {
    assert.deepEqual(
      running.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([place]) => place),
      [],
    );
    assert.match(await text('.npmrc'), /^ignore-scripts=true$/m);
  });

  it('has no dependency that nothing of it imports', async () => {
    const sources: string[] = [];
    for (const folder of ['src', 'runtime', 'cli']) {
      for (const entry of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
        const generated = entry.parentPath.endsWith('generated');
        if (entry.isFile() && !generated && /\.(ts|js)$/.test(entry.name))
          sources.push(await readFile(join(entry.parentPath, entry.name), 'utf8'));
      }
    }
    const all = sources.join('\n');
    const idle = Object.keys(manifest.dependencies).filter(
      (name) => !all.includes(`'${name}'`) && !all.includes(`'${name}/`),
    );
    assert.deepEqual(idle, []);
  });
});
