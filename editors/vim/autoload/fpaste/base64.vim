" Base64 (RFC 4648, section 4) to the lines of a buffer, for pastes that are not plain text.
" SPDX-License-Identifier: AGPL-3.0-only

" Lines in the form of readfile(…, 'b'): NUL bytes are newlines, and an empty last item stands for a final newline.
function! fpaste#base64#lines(text) abort
  call s:fill_tables()
  let padding = len(matchstr(a:text, '=*$'))
  let pieces = []
  " In pieces, since the time that substitute() takes grows with the square of the length.
  for start in range(0, len(a:text) - 1, 4096)
    let piece = tr(strpart(a:text, start, 4096), '=', 'A')
    call add(pieces, substitute(piece, '\(..\)\(..\)', '\=s:three(submatch(1), submatch(2))', 'g'))
  endfor
  let bytes = join(pieces, '')
  " What padding stood for came out as NUL, two characters each.
  let lines = split(strpart(bytes, 0, len(bytes) - 2 * padding), "\n", 1)
  return map(lines, 'substitute(v:val, "\x01\\([ab]\\)", ''\=submatch(1) ==# "a" ? "\n" : "\x01"'', "g")')
endfunction

let s:digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
let s:twelve_bits = {}
let s:bytes = []

" Vim's strings hold no NUL: until the lines are split, "\x01a" stands for it and "\x01b" for "\x01" itself.
function! s:fill_tables() abort
  if !empty(s:bytes)
    return
  endif
  let s:bytes = ["\x01a", "\x01b"] + map(range(2, 255), 'eval(printf(''"\x%02x"'', v:val))')
  for high in range(64)
    for low in range(64)
      let s:twelve_bits[s:digits[high] . s:digits[low]] = high * 64 + low
    endfor
  endfor
endfunction

function! s:three(first, second) abort
  let high = s:twelve_bits[a:first]
  let low = s:twelve_bits[a:second]
  return s:bytes[high / 16] . s:bytes[high % 16 * 16 + low / 256] . s:bytes[low % 256]
endfunction
