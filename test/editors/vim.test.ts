/** `:Fpaste` and `:FpasteGet` in the Vim and the Neovim that are installed, without a screen, against the server. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startServer, type TestServer } from '../support/server.ts';
import { type TempDir, tempDir } from '../support/temp.ts';
import { type Client, findProgram, makeClient, missing, NOBODY, root, run, UNHURRIED } from './client.ts';

/** What a file holds once it is there: an editor may end before the program that it gave the clipboard to. */
async function whole(path: string): Promise<string> {
  for (const deadline = Date.now() + 5 * 60_000; Date.now() < deadline; await pause(20))
    if (existsSync(path)) break;
  return readFile(path, 'utf8');
}

const plugin = join(root, 'editors', 'vim');

interface Editor {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Vim script that goes first. */
  readonly first: readonly string[];
}

const editors: readonly Editor[] = [
  { name: 'Vim', program: 'vim', args: ['--not-a-term', '-T', 'dumb', '-N'], first: [] },
  {
    name: 'Vim without jobs',
    program: 'vim',
    args: ['--not-a-term', '-T', 'dumb', '-N'],
    first: ['let g:fpaste_without_jobs = 1'],
  },
  { name: 'Neovim', program: 'nvim', args: ['--headless'], first: [] },
];

let server: TestServer;
let temp: TempDir;
let client: Client;
let runs = 0;

/** A folder for one test: `g:` of the script's `result` comes back, and whatever files it wrote are there. */
async function edit(
  editor: Editor,
  script: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly info?: string } = {},
): Promise<Record<string, unknown>> {
  runs += 1;
  const out = join(temp.path, `result-${runs}`);
  const file = join(temp.path, `script-${runs}.vim`);
  const text = (value: string) => `'${value.replaceAll("'", "''")}'`;
  await writeFile(
    file,
    [
      'set encoding=utf-8 nomore',
      'let g:result = {}',
      `let g:fpaste_command = [${text(client.program)}]`,
      ...editor.first,
      `execute 'set runtimepath^=' . fnameescape(${text(plugin)})`,
      'runtime plugin/fpaste.vim',
      'try',
      ...script,
      'catch',
      'let g:result.thrown = v:exception . " at " . v:throwpoint',
      'endtry',
      'let g:result.messages = execute("messages")',
      `call writefile([json_encode(g:result)], ${text(out)})`,
      'qall!',
    ].join('\n'),
  );
  const ended = await run(
    editor.program,
    [...editor.args, '-u', 'NONE', '-i', options.info ?? 'NONE', '-S', file],
    { env: { ...client.env, ...options.env }, cwd: temp.path },
  );
  const result = JSON.parse(await readFile(out, 'utf8')) as Record<string, unknown>;
  assert.equal(result.thrown, undefined, ended.stderr);
  return result;
}

/** `:history` would shorten what is longer than the screen is wide. */
const HISTORY = `let g:result.history = join(map(range(1, histnr(":")), 'histget(":", v:val)'), "\\n")`;

/** What the client itself finds behind a link. */
function get(link: string, ...options: readonly string[]) {
  return run(client.program, ['get', ...options, '-'], {
    env: client.env,
    cwd: temp.path,
    input: `${link}\n`,
  });
}

async function create(content: string | Uint8Array, ...options: readonly string[]): Promise<string> {
  const made = await run(client.program, ['create', '-q', ...options], {
    env: client.env,
    cwd: temp.path,
    input: content,
  });
  assert.equal(made.code, 0, made.stderr);
  return made.stdout.trim();
}

const keyOf = (link: string) => link.split('#')[1] ?? '';

before(async () => {
  temp = await tempDir();
  server = await startServer({ settings: UNHURRIED });
  client = await makeClient(temp.path, server.main);
});

after(async () => {
  await server?.stop();
  await temp?.remove();
});

for (const editor of editors) {
  describe(editor.name, { skip: missing(editor.program) }, () => {
    test('sends a whole buffer, and the link is in the unnamed register and shown', async () => {
      const result = await edit(editor, [
        'call setline(1, ["one", "two ‹ü›", "", "four"])',
        'let g:result.shown = execute("Fpaste")',
        'let g:result.link = @"',
      ]);
      const link = String(result.link);
      assert.match(link, /^http:\/\/127\.0\.0\.1:\d+\/[0-9a-z]{26}$/);
      assert.ok(String(result.shown).includes(link));
      assert.equal((await get(link)).stdout, 'one\ntwo ‹ü›\n\nfour\n');
    });

    test('sends a range of lines', async () => {
      const result = await edit(editor, [
        'call setline(1, ["one", "two", "three", "four"])',
        'silent 2,3Fpaste',
        'let g:result.link = @"',
      ]);
      assert.equal((await get(String(result.link))).stdout, 'two\nthree\n');
    });

    test('with a bang the link has a key, opens once and then is gone, and no process had the key', async () => {
      const source = join(temp.path, 'notes.md');
      await writeFile(source, '# once\n');
      const result = await edit(editor, [
        `execute 'edit' fnameescape('${source}')`,
        'silent Fpaste!',
        'let g:result.link = @"',
      ]);
      const link = String(result.link);
      assert.match(link, /#[A-Za-z0-9_-]{43}$/);
      const opened = await get(link, '--json');
      const content = JSON.parse(opened.stdout) as Record<string, unknown>;
      assert.equal(content.content, '# once\n');
      assert.equal(content.name, 'notes.md');
      const again = await get(link);
      assert.equal(again.code, 1);
      assert.match(again.stderr, /was read once already/);
      assert.ok(!String(result.messages).includes(keyOf(link)));
    });

    test('sends a file as it is: no final newline, carriage returns, NUL and bytes that are not text', async () => {
      const contents = [
        Buffer.from('no newline'),
        Buffer.from('a\r\nb\r\n'),
        Buffer.from('a\r\nb'),
        Buffer.from([0x61, 0x00, 0x62, 0x0a, 0xff, 0xfe, 0x0a]),
      ];
      for (const [index, content] of contents.entries()) {
        const source = join(temp.path, `bytes-${index}`);
        const target = join(temp.path, `back-${index}`);
        await writeFile(source, content);
        const result = await edit(editor, [
          `execute 'edit' fnameescape('${source}')`,
          ...(index === 3 ? ['edit ++bin'] : []),
          'silent Fpaste!',
          'let g:result.link = @"',
        ]);
        const opened = await get(String(result.link), '-o', target);
        assert.equal(opened.code, 0, opened.stderr);
        assert.deepEqual(await readFile(target), content);
      }
    });

    test('sends more than a pipe holds', async () => {
      const result = await edit(editor, [
        'call setline(1, map(range(1, 40000), "printf(\'line %d\', v:val)"))',
        'silent Fpaste!',
        'let g:result.link = @"',
      ]);
      const lines = (await get(String(result.link))).stdout.split('\n');
      assert.equal(lines.length, 40001);
      assert.equal(lines[39999], 'line 40000');
    });

    test('passes the expiry on, and copies the link to the clipboard when asked', async () => {
      const bin = join(temp.path, `bin-${runs}`);
      const copied = join(temp.path, `copied-${runs}`);
      await mkdir(bin);
      const keep = `cat > '${copied}.part' && mv '${copied}.part' '${copied}'`;
      await writeFile(join(bin, 'xclip'), `#!/bin/sh\ncase $* in *-o*) ;; *) ${keep} ;; esac\n`, {
        mode: 0o755,
      });
      const result = await edit(
        editor,
        [
          'let g:fpaste_expiry = "7m"',
          'let g:fpaste_clipboard = 1',
          'call setline(1, "short-lived")',
          'silent Fpaste!',
          'let g:result.link = @"',
        ],
        { env: { PATH: `${bin}:${client.env.PATH}`, DISPLAY: ':99' } },
      );
      assert.match(await client.calls(), /^--expiry=7m$/m);
      assert.equal((await whole(copied)).trim(), result.link);
    });

    test('takes a command line as a string', async () => {
      const result = await edit(editor, [
        `let g:fpaste_command = '${process.execPath} ' . 'bundle.js'`,
        'let $NODE_PATH = ""',
        `call writefile(readfile(fnamemodify('${client.program.replaceAll("'", "''")}', ':h') . '/fpaste.js', 'b'), 'bundle.js', 'b')`,
        'call setline(1, "by a string")',
        'silent Fpaste',
        'let g:result.link = @"',
      ]);
      assert.equal((await get(String(result.link))).stdout, 'by a string\n');
    });

    test('opens a link in a new buffer that leaves nothing on the disk, with the file type of its name', async () => {
      const link = await create('{\n  "a": "‹ü›"\n}\n', '-e', '-b', '--name', 'set up.json');
      const result = await edit(editor, [
        'filetype on',
        'call setline(1, "mine")',
        `silent FpasteGet ${link}`,
        'let g:result.lines = getline(1, "$")',
        'let g:result.options = [&buftype, &swapfile, &undofile, &modeline, &modified, &endofline, &filetype]',
        'let g:result.name = bufname("%")',
        'silent! undo',
        'let g:result.undone = getline(1, "$")',
        'let g:result.windows = winnr("$")',
        'wincmd p',
        'let g:result.before = getline(1, "$")',
      ]);
      assert.deepEqual(result.lines, ['{', '  "a": "‹ü›"', '}']);
      assert.deepEqual(result.undone, result.lines);
      const options = (result.options as unknown[]).map((value) =>
        value === true ? 1 : value === false ? 0 : value,
      );
      assert.deepEqual(options, ['nofile', 0, 0, 0, 0, 1, 'json']);
      assert.equal(result.name, '');
      assert.equal(result.windows, 2);
      assert.deepEqual(result.before, ['mine']);
      assert.equal((await get(link)).code, 1);
    });

    test('what it opens can be written and sent again byte for byte', async () => {
      const every = Uint8Array.from({ length: 9000 }, (_, index) => (index * 7 + (index >> 8)) % 256);
      const contents = [Buffer.from('no newline'), Buffer.from('a\r\nb\r\n'), Buffer.from('a\r\nb\n')];
      for (const content of [...contents, every, every.subarray(0, 8999), every.subarray(0, 8998)]) {
        const link = await create(content, '-e');
        const target = join(temp.path, `written-${runs}`);
        const result = await edit(editor, [
          `silent FpasteGet ${link}`,
          'silent Fpaste!',
          'let g:result.link = @"',
          `execute 'silent write' fnameescape('${target}')`,
        ]);
        assert.deepEqual(await readFile(target), Buffer.from(content));
        const sent = join(temp.path, `sent-${runs}`);
        assert.equal((await get(String(result.link), '-o', sent)).code, 0);
        assert.deepEqual(await readFile(sent), Buffer.from(content));
      }
    });

    test('a modeline in what it opens is not obeyed, nor is a name that is a command', async () => {
      const link = await create('vim: set tabstop=3 :\n', '-e', '--name', "x|let g:ran=1|'`touch ran`.py\n");
      const result = await edit(editor, [
        'filetype on',
        'set modeline modelines=5 tabstop=8',
        `silent FpasteGet ${link}`,
        'let g:result.tabstop = &tabstop',
        'let g:result.ran = exists("g:ran")',
      ]);
      assert.equal(result.tabstop, 8);
      assert.equal(result.ran, 0);
      assert.ok(!(await readdir(temp.path)).includes('ran'));
    });

    test('asks for the link without showing it, and keeps it out of the history', async () => {
      const link = await create('asked for\n', '-e');
      const result = await edit(editor, [
        `call feedkeys(":FpasteGet\\<CR>${link}\\<CR>", 'tx')`,
        'let g:result.lines = getline(1, "$")',
        HISTORY,
      ]);
      assert.deepEqual(result.lines, ['asked for']);
      assert.ok(!String(result.history).includes(keyOf(link)));
    });

    test('a link that was typed as an argument leaves the history', async () => {
      const link = await create('typed\n', '-e');
      const result = await edit(editor, [
        'call feedkeys(":let g:stays = 1\\<CR>", \'tx\')',
        `call feedkeys(":FpasteGet ${link}\\<CR>", 'tx')`,
        'let g:result.lines = getline(1, "$")',
        HISTORY,
      ]);
      assert.deepEqual(result.lines, ['typed']);
      assert.ok(!String(result.history).includes(keyOf(link)));
      assert.match(String(result.history), /g:stays/);
    });

    test('asks for the password of a paste that has one, and again after a wrong one', async () => {
      const file = join(temp.path, `password-${runs}`);
      await writeFile(file, 'right one \n');
      const link = await create('behind a password\n', '-e', '-b', '--password-file', file);
      const result = await edit(editor, [
        `call feedkeys(":FpasteGet\\<CR>${link}\\<CR>wrong one\\<CR>right one \\<CR>", 'tx')`,
        'let g:result.lines = getline(1, "$")',
      ]);
      assert.deepEqual(result.lines, ['behind a password']);
      assert.doesNotMatch(await client.calls(), /(right|wrong) one/);
      await rm(file);
    });

    test('says in a sentence why a paste cannot be had, and opens no window', async () => {
      const link = await create('once\n', '-e', '-b');
      await get(link);
      const result = await edit(editor, [
        `let g:result.said = execute("FpasteGet ${link}")`,
        'let g:result.windows = winnr("$")',
      ]);
      assert.match(String(result.said), /fpaste: There is no such paste: .*was read once already/);
      assert.equal(result.windows, 1);
    });

    test('says in a sentence that the server is away, and that there is no client', async () => {
      const script = [
        'call setline(1, "kept")',
        'let @" = "before"',
        'let g:result.said = execute("Fpaste")',
        'let g:result.register = @"',
      ];
      const away = await edit(editor, script, { env: { FPASTE_SERVER: NOBODY } });
      assert.match(String(away.said), /fpaste: .*(connect|reach)/i);
      assert.equal(away.register, 'before');
      const absent = await edit(editor, ['let g:fpaste_command = "no-such-fpaste"', ...script]);
      assert.match(String(absent.said), /fpaste: There is no program no-such-fpaste/);
      assert.equal(absent.register, 'before');
      const empty = await edit(editor, ['let g:result.said = execute("Fpaste!")']);
      assert.match(String(empty.said), /fpaste: There is nothing to send/);
    });

    test('after it ends no file holds the key or what was opened, not even when it was yanked', async () => {
      const secret = 'correct-horse-battery-staple';
      const link = await create(`${secret}\n`, '-e');
      const info = join(temp.path, `info-${runs}`);
      const script = join(temp.path, `script-${runs + 1}.vim`);
      const result = await edit(
        editor,
        [
          'let @k = "kept on purpose"',
          `call feedkeys(":FpasteGet ${link}\\<CR>", 'tx')`,
          'normal! yy',
          'normal! "ayy',
          'let g:result.yanked = @a',
          'silent Fpaste!',
          'let g:result.link = @"',
        ],
        { info },
      );
      await rm(script);
      assert.equal(result.yanked, `${secret}\n`);
      const kept = await readFile(info, 'latin1');
      assert.match(kept, /kept on purpose/);
      const known = [secret, keyOf(link), keyOf(String(result.link))];
      const names = await readdir(temp.path, { recursive: true, withFileTypes: true });
      for (const name of names.filter((entry) => entry.isFile() && !/^(result|script)-/.test(entry.name))) {
        const text = await readFile(join(name.parentPath, name.name), 'latin1');
        for (const word of known) assert.ok(!text.includes(word), `${name.name} holds ${word}`);
      }
    });

    test('fetches nothing where the encoding could lose characters', {
      skip: editor.program === 'nvim' && 'Neovim is always UTF-8',
    }, async () => {
      const link = await create('‹once›\n', '-e', '-b');
      const result = await edit(editor, [
        'set encoding=latin1',
        `let g:result.said = execute("FpasteGet ${link}")`,
      ]);
      assert.match(String(result.said), /fpaste: Nothing was fetched/);
      assert.equal((await get(link)).stdout, '‹once›\n');
    });
  });
}

test('the help has a tag for every command and option', { skip: missing('vim') }, async () => {
  const copy = join(temp.path, 'doc');
  await mkdir(copy);
  await writeFile(join(copy, 'fpaste.txt'), await readFile(join(plugin, 'doc', 'fpaste.txt')));
  const vim = findProgram('vim') ?? '';
  await run(vim, ['-es', '-N', '-u', 'NONE', '-i', 'NONE', '-c', `helptags ${copy}`, '-c', 'qall!'], {
    env: client.env,
    cwd: temp.path,
  });
  const tags = await readFile(join(copy, 'tags'), 'utf8');
  for (const tag of [':Fpaste', ':FpasteGet', 'g:fpaste_command', 'g:fpaste_expiry', 'g:fpaste_clipboard'])
    assert.ok(tags.includes(`${tag}\t`), tag);
});
