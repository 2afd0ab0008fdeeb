/** The Ansible role, as far as it can be judged without running it: deploy/ansible/test.sh does that. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { parse } from 'yaml';
import { debianProgram } from '../support/debian.ts';

const folder = join(import.meta.dirname, '..', '..', 'deploy', 'ansible');
/** Nothing is looked up, and no colours come between words. */
const env = { ...process.env, NO_COLOR: '1', ANSIBLE_NOCOLOR: '1', LC_ALL: 'C.UTF-8' };

it('has nothing that ansible-lint minds, and a syntax that Ansible understands', () => {
  debianProgram('ansible-playbook', 'ansible');
  // It checks the syntax of the playbook as well.
  const linted = spawnSync(debianProgram('ansible-lint'), ['--offline', '--strict', '--nocolor'], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  assert.equal(linted.status, 0, linted.stdout + linted.stderr);
});

it('leaves services alone where there is no systemd', () => {
  const tasks = ['tasks', 'handlers'].flatMap(
    (name) =>
      parse(readFileSync(join(folder, 'roles/sallyport', name, 'main.yml'), 'utf8')) as Record<
        string,
        unknown
      >[],
  );
  const services = tasks.filter((task) => 'ansible.builtin.systemd' in task);
  assert.equal(services.length, 3);
  for (const { when } of services) assert.equal(when, "ansible_service_mgr == 'systemd'");
});
