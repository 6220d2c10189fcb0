import { parse } from 'shell-quote'
import { kindOf, mistake, type Reading } from './reading.ts'
import { suggest } from './suggestion.ts'

const placeholders = ['node', 'host', 'port', 'release', 'releaseDir'] as const

/**
 * Reads a command as argv: a list is taken as it stands, a text is split at its spaces, quotes understood. What only a shell
 * could do is refused, since no shell will see it.
 */
export function readArgv(raw: unknown): Reading<readonly string[]> {
  const argv = Array.isArray(raw) ? readList(raw) : typeof raw === 'string' ? split(raw) : undefined
  if (!argv) return mistake(`must be a command, not ${kindOf(raw)}`, 'write a text such as node server.js, or a list')
  if (!('value' in argv)) return argv
  const [program] = argv.value
  if (!program) return mistake('is empty', 'write the program and its arguments, such as node server.js')
  if (/^[A-Za-z_]\w*=/.test(program)) {
    return mistake('begins with a variable, not with a program', 'move the variable under env')
  }
  if (argv.value.some((each) => each.includes('\0'))) return mistake('holds a NUL character', 'remove it')
  return argv
}

/** As `readArgv`, for a command with {node}, {host}, {port}, {release} and {releaseDir} in it. */
export function readTemplate(raw: unknown): Reading<readonly string[]> {
  const argv = readArgv(raw)
  if (!('value' in argv)) return argv
  for (const [, name = ''] of argv.value.join(' ').matchAll(/(?<![${])\{(\w+)\}/g)) {
    const meant = suggest(name, placeholders)
    if (meant && meant !== name) return mistake(`holds an unknown placeholder {${name}}`, `did you mean {${meant}}?`)
  }
  return argv
}

function readList(raw: readonly unknown[]): Reading<readonly string[]> {
  const value = raw.filter((each) => typeof each === 'string')
  if (value.length === raw.length) return { value }
  return mistake('holds something else than texts', 'put every part of the command in quotes')
}

const balanced = /^(?:[^'"\\]|\\[\s\S]|'[^']*'|"(?:[^"\\]|\\[\s\S])*")*$/

function split(text: string): Reading<readonly string[]> {
  if (!balanced.test(text)) return mistake('has a quote that is not closed', 'close it, or write the command as a list')
  const words = parse(text, (variable) => ({ variable }))
  const value = words.filter((each) => typeof each === 'string')
  const backtick = text.replace(/'[^']*'|\\`/g, '').includes('`')
  if (value.length === words.length && !backtick && !value.some((each) => each.startsWith('~/'))) return { value }
  return mistake(
    'needs a shell (an operator, a glob, a variable, a ~ or a comment), and none is used',
    `write it as a list, or as sh -c '…'`,
  )
}
