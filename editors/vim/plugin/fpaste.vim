" fpaste: seal, send and open pastes from Vim and Neovim. See :help fpaste.
" SPDX-License-Identifier: AGPL-3.0-only

if exists('g:loaded_fpaste') || &compatible || !exists('*json_decode')
  finish
endif
let g:loaded_fpaste = 1

command! -bar -bang -range=% Fpaste call fpaste#send(<line1>, <line2>, <bang>0)
command! -nargs=? FpasteGet call fpaste#get(<q-mods>, <q-args>)
