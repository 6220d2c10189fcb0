import { type CheckContext, type CheckResult, runChecks } from '../check/index.ts'
import { exitCodes } from '../exit-code.ts'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { openWiring, type Wiring } from '../wiring.ts'

const marks = { ok: 'ok      ', warning: 'WARNING ', problem: 'PROBLEM ' } as const

/** `baton check`: with --json one result per line. A problem is exit code 1; warnings alone are not. */
export async function check(flags: CommonOptions, terminal: Terminal): Promise<number> {
  const wiring = await openWiring(flags.config)
  const { config, dir, stateDir } = wiring
  const results = await runChecks(config, { dir, stateDir, running: await runningHere(wiring) })
  for (const result of results) {
    if (flags.json) terminal.out(JSON.stringify(result))
    else for (const line of linesOf(result)) terminal.out(line)
  }
  const problems = results.filter((result) => result.level === 'problem').length
  const warnings = results.filter((result) => result.level === 'warning').length
  if (!flags.json) terminal.out(`${results.length} checks: ${problems} problems, ${warnings} warnings`)
  return problems > 0 ? exitCodes.failed : exitCodes.done
}

function linesOf({ id, level, subject, message, remedy }: CheckResult): string[] {
  const line = `${marks[level]} ${id} ${subject}: ${message}`
  return remedy === undefined ? [line] : [line, `          ${remedy}`]
}

/** Where nothing of ours runs the sockets are not there, and the question is answered at once. */
const askMs = 500

async function runningHere(wiring: Wiring): Promise<CheckContext['running']> {
  const balancer = await wiring.balancer.inspect({ signal: AbortSignal.timeout(askMs) }).then(
    (view) => view,
    () => null,
  )
  const nodes = await Promise.all(
    [...wiring.nodes].map(async ([id, { node }]) => {
      if (node.driver === 'command') return []
      const view = await node.inspect({ signal: AbortSignal.timeout(askMs) }).catch(() => null)
      return view?.process === 'running' ? [id] : []
    }),
  )
  return { balancer, nodes: nodes.flat() }
}
