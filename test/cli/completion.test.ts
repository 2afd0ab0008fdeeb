/** Completion in the shells themselves. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { type Fpaste, installFpaste } from '../support/fpaste.ts';
import { NO_TERMINAL, openTerminal } from '../support/terminal.ts';

let fpaste: Fpaste;

before(async () => {
  fpaste = await installFpaste();
});

after(() => fpaste?.remove());

const missing = (shell: string): string | false =>
  spawnSync(shell, ['--version']).status === 0 ? false : `${shell} is not installed`;

test('bash completes commands, options, shells and files', { skip: missing('bash') }, async () => {
  await fpaste.write('completion.bash', await fpaste.ok(['completion', 'bash']));
  await fpaste.write('some-file.txt', '');
  const complete = (...words: readonly string[]): string[] => {
    const script = `source completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; _fpaste; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script, 'bash', ...words], {
      cwd: fpaste.work,
      encoding: 'utf8',
    });
    assert.equal(stderr, '');
    return stdout.split('\n').filter(Boolean);
  };
  assert.deepEqual(complete('fpaste', 'cr'), ['create']);
  assert.deepEqual(complete('fpaste', 'create', '--enc'), ['--encrypt']);
  assert.deepEqual(complete('fpaste', 'get', '--enc'), []);
  assert.deepEqual(complete('fpaste', 'completion', 'f'), ['fish']);
  assert.deepEqual(complete('fpaste', 'create', 'some'), ['some-file.txt']);
  assert.deepEqual(complete('fpaste', 'get', '-o', 'some'), ['some-file.txt']);
  assert.deepEqual(complete('fpaste', 'create', '-x', 'some'), []);
});

test('fish completes commands, options, shells and files', { skip: missing('fish') }, async () => {
  await fpaste.write('completion.fish', await fpaste.ok(['completion', 'fish']));
  await fpaste.write('some-file.txt', '');
  const complete = (line: string): string[] => {
    const { stdout, stderr } = spawnSync(
      'fish',
      ['--no-config', '-c', `source completion.fish; complete -C '${line}'`],
      {
        cwd: fpaste.work,
        encoding: 'utf8',
        env: { ...process.env, HOME: fpaste.home },
      },
    );
    assert.equal(stderr, '');
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((found) => found.split('\t')[0] ?? '');
  };
  assert.deepEqual(complete('fpaste cr'), ['create']);
  assert.deepEqual(complete('fpaste create --enc'), ['--encrypt']);
  assert.deepEqual(complete('fpaste get --enc'), []);
  assert.deepEqual(complete('fpaste completion f'), ['fish']);
  assert.deepEqual(complete('fpaste create some'), ['some-file.txt']);
});

test('zsh completes commands, options and files', { skip: missing('zsh') || NO_TERMINAL }, async () => {
  await fpaste.write('completion.zsh', await fpaste.ok(['completion', 'zsh']));
  await fpaste.write('some-file.txt', '');
  const zsh = openTerminal(['zsh', '-f', '-i'], {
    cwd: fpaste.work,
    env: { PATH: process.env.PATH, HOME: fpaste.home, TERM: 'dumb' },
  });
  zsh.type(
    "PROMPT='> '; unsetopt zle_bracketed_paste; autoload -U compinit && compinit -u -D; source ./completion.zsh; fpaste() { printf '<%s>' \"$@\"; print; }; print rea''dy\n",
  );
  await zsh.until('ready');
  for (const [typed, completed] of [
    ['fpaste cr\t\n', '<create>'],
    ['fpaste create --enc\t\n', '<create><--encrypt>'],
    ['fpaste create some\t\n', '<create><some-file.txt>'],
    ['fpaste get -o some\t\n', '<get><-o><some-file.txt>'],
    ['fpaste completion fi\t\n', '<completion><fish>'],
  ] as const) {
    zsh.type(typed);
    await zsh.until(completed);
  }
  zsh.type('exit\n');
  assert.equal(await zsh.exit, 0);
});

test('--json carries the script', async () => {
  const { shell, script } = JSON.parse(await fpaste.ok(['completion', 'fish', '--json']));
  assert.equal(shell, 'fish');
  assert.match(script, /complete -c fpaste/);
});
