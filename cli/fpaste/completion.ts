/** Completion scripts for shells, made from the table of options. */

import { usage } from '../shared/failure.ts';
import { COMMANDS, COMMON_OPTIONS, type Command, type Option, SHELLS } from './options.ts';

/** The script of one of {@link SHELLS}. Throws a usage failure for another. */
export function completionScript(shell: string): string {
  if (shell === 'bash') return bash();
  if (shell === 'zsh') return zsh();
  if (shell === 'fish') return fish();
  throw usage(`There is completion for ${SHELLS.join(', ')}.`);
}

function optionsOf(command: Command): readonly Option[] {
  return [...command.options, ...COMMON_OPTIONS];
}

/** `-o` and `--output`. */
function spellings({ short, long }: Option): string[] {
  return [...(short === undefined ? [] : [`-${short}`]), `--${long}`];
}

function bash(): string {
  const all = COMMANDS.flatMap(optionsOf);
  const named = (wanted: (option: Option) => boolean): string =>
    [...new Set(all.filter(wanted).flatMap(spellings))].join('|');
  const words = COMMANDS.map((command) => {
    const offered = Array.isArray(command.offers) ? command.offers : [];
    return `    ${command.name}) options="${optionsOf(command).flatMap(spellings).join(' ')}"; words="${offered.join(' ')}"; files=${command.offers === 'files' ? 1 : 0} ;;`;
  });
  return `# bash completion for fpaste: put "source <(fpaste completion bash)" into ~/.bashrc
_fpaste() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" options words files
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${COMMANDS.map(({ name }) => name).join(' ')} --help --version" -- "$current"))
    return
  fi
  case "$previous" in
    ${named(({ value, offers }) => value !== undefined && offers === 'files')}) compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
    ${named(({ value, offers }) => value !== undefined && offers === undefined)}) return ;;
  esac
  case "\${COMP_WORDS[1]}" in
${words.join('\n')}
    *) return ;;
  esac
  if [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  elif [ "$files" -eq 1 ]; then
    compopt -o filenames
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -F _fpaste fpaste
`;
}

/** For single quotes, and for the colons and brackets that mean something to \`_arguments\`. */
function zshText(text: string): string {
  return text.replaceAll("'", '’').replace(/[[\]:\\]/g, (c) => `\\${c}`);
}

function zshOption(option: Option): string {
  const { help, value, offers, repeatable } = option;
  const action = value === undefined ? '' : `:${zshText(value)}:${offers === 'files' ? '_files' : ' '}`;
  return spellings(option)
    .map((name) => {
      const others = repeatable ? '*' : `(${spellings(option).join(' ')})`;
      return `      '${others}'${name}'[${zshText(help)}]${action}'`;
    })
    .join(' \\\n');
}

function zshCommand(command: Command): string {
  const rest =
    command.offers === 'files'
      ? "'*:file:_files'"
      : Array.isArray(command.offers)
        ? `'1:${command.name}:(${command.offers.join(' ')})'`
        : "'*: : '";
  return `    ${command.name}) _arguments -s \\\n${optionsOf(command).map(zshOption).join(' \\\n')} \\\n      ${rest} ;;`;
}

function zsh(): string {
  return `#compdef fpaste
# zsh completion for fpaste: put "source <(fpaste completion zsh)" into ~/.zshrc, after compinit
_fpaste() {
  local -a commands
  commands=(
${COMMANDS.map(({ name, help }) => `    '${name}:${zshText(help)}'`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  local command=\${words[2]}
  shift words
  (( CURRENT -= 1 ))
  case $command in
${COMMANDS.map(zshCommand).join('\n')}
  esac
}
if [ "$funcstack[1]" = _fpaste ]; then _fpaste "$@"; else compdef _fpaste fpaste; fi
`;
}

function fishText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function fishOption(command: Command, { short, long, value, offers, help }: Option): string {
  const spelled = `${short === undefined ? '' : `-s ${short} `}-l ${long}`;
  const argument = value === undefined ? '' : offers === 'files' ? ' -r -F' : ' -x';
  return `complete -c fpaste -n '__fish_seen_subcommand_from ${command.name}' ${spelled}${argument} -d ${fishText(help)}`;
}

function fish(): string {
  const lines = [
    '# fish completion for fpaste: fpaste completion fish > ~/.config/fish/completions/fpaste.fish',
    'complete -c fpaste -f',
  ];
  const names = COMMANDS.map(({ name }) => name).join(' ');
  for (const command of COMMANDS) {
    const { name, help, offers } = command;
    lines.push(
      `complete -c fpaste -n 'not __fish_seen_subcommand_from ${names}' -a ${name} -d ${fishText(help)}`,
    );
    if (offers === 'files') lines.push(`complete -c fpaste -n '__fish_seen_subcommand_from ${name}' -F`);
    else if (offers !== undefined)
      lines.push(`complete -c fpaste -n '__fish_seen_subcommand_from ${name}' -a '${offers.join(' ')}'`);
    for (const option of optionsOf(command)) lines.push(fishOption(command, option));
  }
  return `${lines.join('\n')}\n`;
}
