import { setTimeout as sleep } from 'node:timers/promises'
import { BatonError } from '@baton/core'
import { isAlive, type ProcessIdentity } from '../../shells/local/identity.ts'

const killedWithinMs = 10_000

/**
 * SIGTERM, then SIGKILL after `graceMs` or as soon as `hurry` aborts. Not by `catalina.sh stop`: that starts a second JVM to
 * learn that there is no shutdown port, and then signals whoever has the number in the pid file. Fails with `process-stuck`.
 */
export async function endTomcat(
  tomcat: ProcessIdentity,
  { graceMs, hurry }: { readonly graceMs: number; readonly hurry?: AbortSignal },
): Promise<void> {
  if (!signal(tomcat, 'SIGTERM')) return
  if (await endsBy(Date.now() + graceMs, tomcat, hurry)) return
  signal(tomcat, 'SIGKILL')
  if (await endsBy(Date.now() + killedWithinMs, tomcat)) return
  throw new BatonError('process-stuck', `Tomcat, process ${tomcat.pid}, outlived SIGKILL`, {
    hint: `look at what it waits for: ps -o pid,stat,wchan,args -p ${tomcat.pid}`,
  })
}

async function endsBy(deadline: number, tomcat: ProcessIdentity, hurry?: AbortSignal): Promise<boolean> {
  while (await isAlive(tomcat)) {
    const leftMs = deadline - Date.now()
    if (leftMs <= 0 || hurry?.aborted) return false
    await sleep(Math.min(20, leftMs))
  }
  return true
}

/** False where there is no such process any more. */
function signal({ pid }: ProcessIdentity, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}
