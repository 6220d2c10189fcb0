import { BatonError, type Config } from '@baton/core'
import { balancerChecks } from './balancer.ts'
import type { Check, CheckContext, Observation } from './check.ts'
import { clockChecks } from './clock.ts'
import { commandChecks } from './command.ts'
import { diskChecks } from './disk.ts'
import { healthChecks } from './health.ts'
import { keepAliveChecks } from './keep-alive.ts'
import { nodeVersionChecks } from './node-version.ts'
import { portChecks } from './port.ts'
import { releaseChecks } from './release.ts'
import { sessionStoreChecks } from './session-store.ts'
import { socketPathChecks } from './socket-path.ts'
import { stateFolderChecks } from './state-folder.ts'
import { tomcatChecks } from './tomcat.ts'
import { codeOf, notChecked, type Verdict } from './verdict.ts'

export type { CheckContext } from './check.ts'

export type CheckResult = Observation

const kinds = [
  nodeVersionChecks,
  clockChecks,
  stateFolderChecks,
  socketPathChecks,
  releaseChecks,
  commandChecks,
  tomcatChecks,
  portChecks,
  balancerChecks,
  diskChecks,
  sessionStoreChecks,
  healthChecks,
  keepAliveChecks,
]

const patienceMs = 2000
/** So that a thousand nodes do not need a thousand sockets at once. */
const atOnce = 32

/** Looks whether everything is there that a deploy needs. Every check has its result, also one that failed or hung. */
export async function runChecks(config: Config, context: CheckContext): Promise<CheckResult[]> {
  const checks = kinds.flatMap((kind) => kind(config, context))
  const results: CheckResult[][] = []
  const waiting = checks.entries()
  const worker = async () => {
    for (const [index, check] of waiting) results[index] = await resultsOf(check)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results.flat()
}

async function resultsOf(check: Check): Promise<CheckResult[]> {
  const { id, subject } = check
  const seen = await judge(check)
  return 'level' in seen ? [{ id, subject, ...seen }] : [...seen]
}

async function judge(check: Check): Promise<Verdict | readonly Observation[]> {
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Verdict>((resolve) => {
    timer = setTimeout(() => {
      controller.abort()
      resolve(
        notChecked(
          `no end within ${patienceMs / 1000} s`,
          'look whether the machine, its disk or its network is stuck',
        ),
      )
    }, patienceMs)
  })
  const failed = (error: unknown) => {
    const remedy = (error instanceof BatonError ? error.hint : undefined) ?? 'look into this, then check again'
    return notChecked(error instanceof BatonError ? error.message : codeOf(error), remedy)
  }
  try {
    return await Promise.race([check.run(controller.signal).catch(failed), late])
  } finally {
    clearTimeout(timer)
    controller.abort()
  }
}
