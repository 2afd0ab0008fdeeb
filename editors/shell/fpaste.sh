# shellcheck shell=bash
# fpaste: functions for bash and zsh. Put ". …/fpaste.sh" into ~/.bashrc or ~/.zshrc.
# SPDX-License-Identifier: AGPL-3.0-only
#
#   command | pb        a link to what the command prints     pb FILE…    one link for each file
#   command | pbe       the same, sealed: the key is in the link, and the server cannot read it
#   pbget               asks for a link and prints the paste
#
# Each ends with fpaste's exit code: 0 done, 1 refused, 2 usage, 3 network, 4 decryption failed.
# FPASTE_BIN names the program where it is not "fpaste" on the PATH.

# pb [-x TIME] [-b] [-p] [-c] [-q] [FILE…]: uploads standard input, or each file, and prints the links.
pb() {
  _fpaste_create pb '' "$@"
}

# pbe, with pb's options: the same, sealed on this machine.
pbe() {
  _fpaste_create pbe --encrypt "$@"
}

# pbget [-o FILE | -O] [-p] [-q] [-i FILE] [LINK]: fetches and opens a paste. Without LINK it is asked for, or read
# from a pipe, and so stays out of the shell's history. LINK is handed on through a pipe: the arguments of a
# process can be read by others on the machine.
pbget() {
  local option OPTIND=1 OPTARG=''
  local -a options
  options=(get)
  while getopts ':o:Opqi:' option; do
    case $option in
      o) options+=("--output=$OPTARG") ;;
      i) options+=("--identity=$OPTARG") ;;
      O | p | q) options+=("-$option") ;;
      *)
        printf '%s\n' 'usage: pbget [-o FILE | -O] [-p] [-q] [-i FILE] [LINK]' >&2
        return 2
        ;;
    esac
  done
  shift $((OPTIND - 1))
  case $# in
    0) command "${FPASTE_BIN:-fpaste}" "${options[@]}" || return ;;
    1) printf '%s\n' "$1" | command "${FPASTE_BIN:-fpaste}" "${options[@]}" - || return ;;
    *)
      printf '%s\n' 'pbget: one link at a time' >&2
      return 2
      ;;
  esac
}

# Name of the function, its own option or nothing, and what it was called with. Stops at the first file that fails.
_fpaste_create() {
  local name=$1 own=$2 option file OPTIND=1 OPTARG=''
  shift 2
  local -a options
  options=(create)
  if [ -n "$own" ]; then options+=("$own"); fi
  while getopts ':x:bpcq' option; do
    case $option in
      x) options+=("--expiry=$OPTARG") ;;
      b | p | c | q) options+=("-$option") ;;
      *)
        printf 'usage: %s [-x TIME] [-b] [-p] [-c] [-q] [FILE…]\n' "$name" >&2
        return 2
        ;;
    esac
  done
  shift $((OPTIND - 1))
  if [ $# -eq 0 ]; then set -- -; fi
  for file; do
    command "${FPASTE_BIN:-fpaste}" "${options[@]}" -- "$file" || return
  done
}
