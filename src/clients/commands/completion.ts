/**
 * `vethctl completion bash|zsh` prints a script for the shell; the script asks `vethctl __complete WORD…` for
 * each list of candidates. Commands come from the program itself, names from the daemon.
 */
import { Argument, type Command } from 'commander';
import { listContainers, listNetworks } from '../calls.ts';
import { ask } from '../client.ts';
import type { Shell } from '../shell.ts';

const BASH = `# vethctl completion for bash: source <(vethctl completion bash)
_vethctl() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(vethctl __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _vethctl vethctl
`;

const ZSH = `#compdef vethctl
# vethctl completion for zsh: source <(vethctl completion zsh)
_vethctl() {
  local -a candidates
  candidates=("\${(@f)$(vethctl __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a candidates
}
compdef _vethctl vethctl
`;

/** Adds `completion` and its hidden half to the program. */
export function addCompletion(program: Command, shell: Shell): void {
  program
    .command('completion')
    .description('Print the completion script of a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh']))
    .action((name: string) => shell.io.out(name === 'zsh' ? ZSH : BASH));
  program
    .command('__complete [word...]', { hidden: true })
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (words: readonly string[]) => {
      const candidates = await candidatesFor(program, words, shell);
      shell.io.out(candidates.map((candidate) => `${candidate}\n`).join(''));
    });
}

/** What may stand in place of the last word: subcommands, flags, or names known to the daemon. */
async function candidatesFor(program: Command, words: readonly string[], shell: Shell): Promise<string[]> {
  const { command, rest } = commandOf(program, words.slice(0, -1));
  const last = words.at(-1) ?? '';
  if (last.startsWith('-')) return command.options.flatMap(({ long }) => (long === undefined ? [] : [long]));
  if (command.commands.length > 0) return visibleCommands(command);
  const place = rest.filter((word) => !word.startsWith('-')).length;
  const { registeredArguments } = command;
  const argument = registeredArguments[place] ?? registeredArguments.find((each) => each.variadic);
  return argument === undefined ? [] : namesFor(argument, shell);
}

/** The command that the words lead to, and the words after it. */
function commandOf(
  program: Command,
  words: readonly string[],
): { command: Command; rest: readonly string[] } {
  let command = program;
  for (const [index, word] of words.entries()) {
    const next = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
    if (next === undefined) return { command, rest: words.slice(index) };
    command = next;
  }
  return { command, rest: [] };
}

function visibleCommands(command: Command): string[] {
  return command.commands.map((each) => each.name()).filter((name) => !name.startsWith('_'));
}

async function namesFor(argument: Argument, shell: Shell): Promise<string[]> {
  if (argument.argChoices !== undefined) return argument.argChoices;
  if (argument.name() === 'network') {
    return (await ask(shell.client(), listNetworks())).map((network) => network.Name);
  }
  if (argument.name() !== 'container' && argument.name() !== 'name') return [];
  const containers = await ask(shell.client(), listContainers());
  return containers.flatMap((container) => container.Names.map((name) => name.replace(/^\//, '')));
}
