" What :Fpaste and :FpasteGet do. Text, links and passwords go to the client through its standard input, never
" as arguments, which others on the machine can read. The client answers one line of JSON.
" SPDX-License-Identifier: AGPL-3.0-only

" Sends lines a:first to a:last. With a:secret they are sealed, and deleted when they are first read.
function! fpaste#send(first, last, secret) abort
  let lines = s:text(a:first, a:last)
  if empty(lines)
    return s:fail('There is nothing to send: the buffer is empty.')
  endif
  let args = ['create', '--json']
  if a:secret
    let args += ['--encrypt', '--burn']
  endif
  if get(g:, 'fpaste_expiry', '') isnot# ''
    call add(args, '--expiry=' . g:fpaste_expiry)
  endif
  " Sealed along, so that whoever opens it gets the right file type.
  if expand('%:t') !=# '' && &buftype ==# ''
    call add(args, '--name=' . expand('%:t'))
  endif
  let clipboard = get(g:, 'fpaste_clipboard', 0)
  if clipboard && !has('clipboard')
    call add(args, '--clipboard')
  endif

  let answer = s:ask(args + ['-'], lines)
  if has_key(answer, 'error')
    return s:fail(answer.error.message)
  endif
  if answer.link =~# '#'
    call s:keep_from_disk([answer.link])
  endif
  call setreg('"', answer.link, 'v')
  if clipboard && has('clipboard')
    call setreg('+', answer.link, 'v')
  endif
  redraw
  call s:warn(answer.warnings)
  " Not :echomsg, which would keep the key in the message history.
  echo answer.link
endfunction

" Opens a paste in a new window. a:mods are modifiers such as :vertical.
function! fpaste#get(mods, link) abort
  call s:forget_command(a:link)
  if has('multi_byte') && &encoding !=# 'utf-8'
    " A conversion could lose characters of something that can be read only once.
    return s:fail("Nothing was fetched: FpasteGet needs ':set encoding=utf-8'.")
  endif
  let link = a:link !=# '' ? a:link : inputsecret('Link (not shown): ')
  if link ==# ''
    return
  endif
  let answer = s:fetch(link)
  if has_key(answer, 'error')
    return s:fail(answer.error.message)
  endif
  let lines = has_key(answer, 'content_b64')
        \ ? fpaste#base64#lines(answer.content_b64) : split(answer.content, "\n", 1)
  call s:show(a:mods, lines, get(answer, 'name', ''))
  redraw
  call s:warn(answer.warnings)
  echo printf('%d line%s%s', line('$'), line('$') == 1 ? '' : 's',
        \ answer.burn_after_read ? '. The server has deleted it: this is the only copy.' : '')
endfunction

" The lines of the buffer as its file has them, in the form of readfile(…, 'b'): an empty last item stands for a
" final newline. Empty when there is nothing.
function! s:text(first, last) abort
  let lines = getline(a:first, a:last)
  if line('$') == 1 && lines ==# ['']
    return []
  endif
  let ends = a:last < line('$') || &endofline
  if &fileformat ==# 'mac'
    return [join(lines, "\r") . (ends ? "\r" : '')]
  endif
  if &fileformat ==# 'dos'
    call map(lines, 'v:val . (ends || v:key < len(lines) - 1 ? "\r" : "")')
  endif
  return ends ? lines + [''] : lines
endfunction

" Nothing of the new buffer reaches the disk unless it is written: no swap file, no undo file, no name for
" viminfo, and what was yanked from it is forgotten at the end.
function! s:show(mods, lines, name) abort
  execute a:mods 'noswapfile new'
  setlocal buftype=nofile bufhidden=hide noswapfile noundofile nomodeline fileencoding=
  let lines = a:lines
  if len(lines) > 1 && lines[-1] ==# ''
    call remove(lines, -1)
    if match(lines, '\r\@<!$') < 0
      call map(lines, 'v:val[:-2]')
      setlocal fileformat=dos
    else
      setlocal fileformat=unix
    endif
  else
    setlocal fileformat=unix noendofline
    if exists('+fixendofline')
      setlocal nofixendofline
    endif
  endif
  " Undoing must not take the text away again.
  setlocal undolevels=-1
  call setline(1, lines)
  setlocal undolevels<
  if exists('##TextYankPost')
    autocmd TextYankPost <buffer> call s:keep_from_disk(v:event.regcontents)
  endif
  " Chosen by the sender: its plain characters are enough to find a file type.
  let name = substitute(matchstr(a:name, '[^/\\]*$'), '[^[:alnum:]._+-]', '_', 'g')
  if name !=# '' && exists('#filetypedetect#BufRead')
    execute 'doautocmd <nomodeline> filetypedetect BufRead' fnameescape(name)
  endif
  setlocal nomodified
endfunction

" The paste behind a link, asking for its password where it has one.
function! s:fetch(link) abort
  let args = ['get', '--json', '-']
  let answer = s:ask(args, [a:link, ''])
  for _ in range(3)
    if !has('unix') || index(['password_required', 'password_invalid'], s:code(answer)) < 0
      break
    endif
    let password = inputsecret(s:code(answer) ==# 'password_required'
          \ ? 'Password: ' : 'The password is wrong. Password: ')
    if password ==# ''
      break
    endif
    let answer = s:ask(args + ['--password-file=/dev/fd/3'], [a:link, password, ''],
          \ ['/bin/sh', '-c', s:two_inputs, 'sh'])
  endfor
  return answer
endfunction

" The client reads one thing from standard input. The first line stays that; the others become descriptor 3.
let s:two_inputs = 'IFS= read -r link; cat | { exec 3<&0; printf "%s\n" "$link" | "$@"; }'

function! s:code(answer) abort
  return get(get(a:answer, 'error', {}), 'code', '')
endfunction

" Runs the client. Answers its JSON with a list 'warnings', or a dictionary with 'error': {'code', 'message'}.
function! s:ask(args, input, ...) abort
  let command = get(g:, 'fpaste_command', 'fpaste')
  let argv = type(command) == type([]) ? copy(command) : split(command)
  call map(argv, 'substitute(v:val, ''^\~\ze/'', ''\=$HOME'', "")')
  if empty(argv) || !executable(argv[0])
    return s:error('not_installed', 'There is no program ' . get(argv, 0, '""')
          \ . '. Install fpaste, or say where it is: :help g:fpaste_command')
  endif
  echo 'fpaste ...'
  let output = fpaste#process#run(get(a:, 1, []) + argv + a:args, a:input)
  let warnings = []
  let answer = {}
  for line in split(output, "\n")
    if line =~# '^{'
      let answer = s:decode(line)
    elseif line =~# '^fpaste: '
      call add(warnings, line[8:])
    endif
  endfor
  if empty(answer)
    return s:error('no_answer', 'The client ended without an answer. Try it in a terminal: '
          \ . argv[0] . ' --version')
  endif
  return extend(answer, {'warnings': warnings})
endfunction

function! s:decode(json) abort
  try
    return json_decode(a:json)
  catch
    " The reason would quote the text.
    return {}
  endtry
endfunction

function! s:error(code, message) abort
  return {'error': {'code': a:code, 'message': a:message}}
endfunction

function! s:fail(message) abort
  redraw
  echohl ErrorMsg
  echomsg 'fpaste: ' . a:message
  echohl None
endfunction

function! s:warn(warnings) abort
  echohl WarningMsg
  for warning in a:warnings
    echomsg 'fpaste: ' . warning
  endfor
  echohl None
endfunction

" A link that was typed as an argument does not stay in the command history, which viminfo keeps.
function! s:forget_command(link) abort
  if a:link !=# ''
    call histdel(':', '\C\V' . escape(a:link, '\'))
  endif
endfunction

let s:secrets = []

" Registers that hold a:lines when Vim ends are emptied before viminfo (shada) is written.
function! s:keep_from_disk(lines) abort
  call add(s:secrets, copy(a:lines))
  augroup fpaste
    autocmd!
    autocmd VimLeavePre * call s:empty_registers()
  augroup END
endfunction

function! s:empty_registers() abort
  for name in split('"-0123456789abcdefghijklmnopqrstuvwxyz', '\zs')
    if index(s:secrets, getreg(name, 1, 1)) >= 0
      call setreg(name, [])
    endif
  endfor
endfunction
