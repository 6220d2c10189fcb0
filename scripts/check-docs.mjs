import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { repository, run } from './run.mjs'

/**
 * Every relative link of a Markdown file leads to a file or heading that exists, and every `baton …` line in a code block
 * names a verb and options that the real command line knows.
 *
 * @returns {Promise<string[]>} one line a problem
 */
export async function checkDocs() {
  const files = markdownFiles(repository)
  const commands = files.flatMap((file) => commandsOf(file).map((command) => ({ file, command })))
  const problems = files.flatMap(brokenLinks)
  for (const { file, command } of commands) {
    const problem = await unknownTo(command)
    if (problem !== null) problems.push(`${relative(repository, file)}: \`${command}\`: ${problem}`)
  }
  return problems
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function markdownFiles(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return /^(\..*|node_modules|dist)$/.test(entry.name) ? [] : markdownFiles(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}

/** @param {string} file */
function brokenLinks(file) {
  const prose = readFileSync(file, 'utf8').replace(/^```[\s\S]*?^```/gm, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
    if (/^[a-z]+:/.test(link)) return []
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? file : resolve(dirname(file), path)
    const problem = !existsSync(target)
      ? 'there is no such file'
      : anchor !== undefined && !headings(target).includes(anchor)
        ? 'there is no such heading'
        : null
    return problem === null ? [] : [`${relative(repository, file)}: link to ${link}: ${problem}`]
  })
}

/** The anchors that GitHub makes of the headings. @param {string} file */
function headings(file) {
  if (statSync(file).isDirectory()) return []
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** @param {string} file */
function commandsOf(file) {
  const blocks = readFileSync(file, 'utf8').match(/^```[\s\S]*?^```/gm) ?? []
  return blocks.flatMap((block) =>
    [...block.matchAll(/^(?:\$ )?(?:npx )?(baton [a-z][^#|\n]*)/gm)].map(([, command = '']) => command.trim()),
  )
}

/** @type {Map<string, Promise<{ exitCode: number, output: string }>>} */
const helps = new Map()

/** @param {string} command */
async function unknownTo(command) {
  const [, verb = '', ...rest] = command.split(/\s+/)
  const help = helps.get(verb) ?? run(process.execPath, ['packages/cli/bin/baton.js', verb, '--help'], { quiet: true })
  helps.set(verb, help)
  const { exitCode, output } = await help
  if (exitCode !== 0) return `there is no verb ${verb}`
  const unknown = rest.filter((word) => /^--[a-z]/.test(word) && !output.includes(word.replace(/=.*/, '')))
  return unknown.length === 0 ? null : `${verb} knows no ${unknown.join(', ')}`
}
