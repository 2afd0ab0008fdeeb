" Runs a program without a shell where the editor can.
" SPDX-License-Identifier: AGPL-3.0-only

" Gives a:input, lines in the form of writefile(…, 'b'), to a program and answers all that it said on standard
" output and standard error. Ctrl-C ends the program.
function! fpaste#process#run(argv, input) abort
  if has('nvim')
    return s:with_channel(a:argv, a:input)
  endif
  " A newline inside a line stands for a NUL byte, which only system() can send.
  if has('job') && has('channel') && match(a:input, "\n") < 0 && !get(g:, 'fpaste_without_jobs', 0)
    return s:with_job(a:argv, a:input)
  endif
  return s:with_shell(a:argv, a:input)
endfunction

" Neovim. Its system() takes input that begins with NUL for none.
function! s:with_channel(argv, input) abort
  let said = []
  let options = {'stdout_buffered': 1, 'stderr_buffered': 1}
  let options.on_stdout = {_, lines, event -> extend(said, lines)}
  let options.on_stderr = options.on_stdout
  let job = jobstart(a:argv, options)
  try
    call chansend(job, a:input)
    call chanclose(job, 'stdin')
  catch /^Vim\%((\a\+)\)\=:E/
    " It ended before it had read everything. What it said tells why.
  endtry
  try
    call jobwait([job])
  finally
    call jobstop(job)
  endtry
  return join(said, "\n")
endfunction

" Vim, through pipes alone: nothing is put into temporary files.
function! s:with_job(argv, input) abort
  let said = []
  let job = job_start(a:argv, {
        \ 'in_mode': 'raw', 'out_mode': 'raw', 'err_io': 'out',
        \ 'out_cb': {_, text -> add(said, text)},
        \ })
  if job_status(job) ==# 'fail'
    return ''
  endif
  let channel = job_getchannel(job)
  try
    call ch_sendraw(channel, join(a:input, "\n"))
  catch /^Vim\%((\a\+)\)\=:E63[01]:/
    " It ended before it had read everything. What it said tells why.
  endtry
  try
    call ch_close_in(channel)
    while job_status(job) ==# 'run' || ch_status(channel) !=# 'closed'
      sleep 5m
    endwhile
  finally
    call job_stop(job)
  endtry
  return join(said, '')
endfunction

" Vim keeps input and output in its private temporary folder while the program runs. `setsid` takes the terminal
" away from the program, which would otherwise ask for passwords behind Vim's back.
function! s:with_shell(argv, input) abort
  let argv = (executable('setsid') ? ['setsid', '-w'] : []) + a:argv
  return system(join(map(argv, 'shellescape(v:val)')), a:input)
endfunction
