/**
 * Builds the image of the Containerfile step by step without an engine, in folders that debootstrap begins, and starts
 * a container of it as an engine would: another user, a root file system that cannot be written, one volume. For root
 * on Debian; it takes some minutes and the network.
 *
 *     node tools/build-rootfs.ts [--work FOLDER] [--ca FILE]
 *
 * --work keeps the base that debootstrap made for the next time. --ca names certificates that the build trusts besides
 * its own, for networks that look into TLS; nothing of it gets into the image.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Containerfile, type Copy, parseContainerfile, type Stage } from './container/containerfile.ts';
import { tryContainer } from './container/trial.ts';

const ROOT = join(import.meta.dirname, '..');
const MIRROR = 'http://deb.debian.org/debian';
/** Of the whole image, compressed as registries keep it. */
export const MOST_BYTES = 150 * 1024 * 1024;

/** Runs a program with its output on ours. @throws Error when it fails */
function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): void {
  const { status, error } = spawnSync(program, args, { stdio: ['ignore', 2, 2], env });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ${args.slice(0, 3).join(' ')} … ended with ${status}`);
}

/** The folder that stands for a base image, made when it is missing. The slim images of Debian leave out the same. */
function debianBase(work: string, image: string): string {
  const suite = /\/debian:(\w+)-slim$/.exec(image)?.[1];
  if (suite === undefined) throw new Error(`There is no way to make ${image} here, only debian:SUITE-slim.`);
  const folder = join(work, `base-${suite}`);
  if (existsSync(folder)) return folder;
  const making = `${folder}.making`;
  rmSync(making, { recursive: true, force: true });
  run('debootstrap', ['--variant=minbase', suite, making, MIRROR]);
  const left = ['usr/share/doc', 'usr/share/man', 'usr/share/locale', 'usr/share/info', 'usr/share/groff'];
  for (const path of [...left, 'var/cache/apt', 'var/lib/apt/lists'])
    rmSync(join(making, path), { recursive: true, force: true });
  for (const path of ['var/cache/apt/archives/partial', 'var/lib/apt/lists/partial'])
    mkdirSync(join(making, path), { recursive: true });
  run('mv', [making, folder]);
  return folder;
}

/** Runs a step in a stage, with what an engine lends it: /proc, name servers. */
function runStep(folder: string, workdir: string, command: string, ca: string | undefined): void {
  const lent = join(folder, 'run', 'build-ca.pem');
  const names = join(folder, 'etc', 'resolv.conf');
  if (ca !== undefined) cpSync(ca, lent);
  cpSync('/etc/resolv.conf', names, { dereference: true });
  const proc = join(folder, 'proc');
  try {
    // The mounts end with the process.
    run(
      'unshare',
      [
        ...['--mount', '--propagation', 'private', 'sh', '-ec'],
        'mount -t proc proc "$1"; exec chroot "$2" /bin/sh -ec "cd \\"$3\\"; $4"',
        ...['step', proc, folder, workdir, command],
      ],
      {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        DEBIAN_FRONTEND: 'noninteractive',
        HOME: '/root',
        ...(ca !== undefined && { NODE_EXTRA_CA_CERTS: '/run/build-ca.pem' }),
      },
    );
  } finally {
    rmSync(lent, { force: true });
    rmSync(names, { force: true });
  }
}

function copyStep(step: Copy, folder: string, workdir: string, folders: ReadonlyMap<string, string>): void {
  const context = step.from === undefined ? ROOT : folders.get(step.from);
  if (context === undefined) throw new Error(`There is no stage ${step.from}.`);
  const target = join(folder, resolve(workdir, step.target));
  for (const source of step.sources) {
    const into = step.target.endsWith('/') ? join(target, source.split('/').at(-1) ?? '') : target;
    mkdirSync(join(into, '..'), { recursive: true });
    cpSync(join(context, source), into, { recursive: true, verbatimSymlinks: true });
  }
}

function buildStage(stage: Stage, folder: string, folders: ReadonlyMap<string, string>, ca?: string): void {
  let workdir = '/';
  for (const step of stage.steps) {
    if (step.kind === 'run') runStep(folder, workdir, step.command, ca);
    else if (step.kind === 'copy') copyStep(step, folder, workdir, folders);
    else {
      workdir = step.path;
      mkdirSync(join(folder, workdir), { recursive: true });
    }
  }
}

/** The stages that the last one is made from, and itself, as engines build them. */
function needed(stages: readonly Stage[]): readonly Stage[] {
  const wanted = new Set([stages.at(-1)?.name]);
  for (const stage of [...stages].reverse())
    if (wanted.has(stage.name))
      for (const step of stage.steps)
        if (step.kind === 'copy' && step.from !== undefined) wanted.add(step.from);
  return stages.filter(({ name }) => wanted.has(name));
}

/** Builds what is needed below `work`. @returns the folder of the last stage */
function build({ stages }: Containerfile, work: string, ca?: string): string {
  const folders = new Map<string, string>();
  let last = '';
  for (const stage of needed(stages)) {
    last = join(work, `stage-${stage.name}`);
    rmSync(last, { recursive: true, force: true });
    run('cp', ['-a', debianBase(work, stage.base), last]);
    buildStage(stage, last, folders, ca);
    folders.set(stage.name, last);
  }
  return last;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { work: { type: 'string' }, ca: { type: 'string' } } });
  if (process.getuid?.() !== 0) throw new Error('debootstrap and chroot need root.');
  const file = parseContainerfile(readFileSync(join(ROOT, 'Containerfile'), 'utf8'));
  const work = resolve(values.work ?? mkdtempSync(join(tmpdir(), 'sallyport-rootfs-')));
  mkdirSync(work, { recursive: true });
  try {
    const image = build(file, work, values.ca === undefined ? undefined : resolve(values.ca));
    writeFileSync(join(work, 'config.json'), `${JSON.stringify(file.config, null, 2)}\n`);
    const count = spawnSync('sh', ['-ec', 'tar -C "$1" -c . | gzip -6 | wc -c', 'size', image], {
      encoding: 'utf8',
    });
    const bytes = Number(count.stdout);
    console.log(`compressed: ${(bytes / 1024 / 1024).toFixed(1)} MiB`);
    if (!(bytes > 0 && bytes <= MOST_BYTES)) throw new Error('The image is larger than 150 MiB.');
    for (const line of await tryContainer(image, file.config)) console.log(line);
  } finally {
    if (values.work === undefined) rmSync(work, { recursive: true, force: true });
  }
}

if (import.meta.main) await main();
