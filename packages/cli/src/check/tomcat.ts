import { BatonError, type Config, type TomcatAppConfig } from '@baton/core'
import { findJava, openHome, sessionJar, type TomcatHome } from '@baton/drivers'
import type { Check, Checks } from './check.ts'
import { ok, problem, type Verdict } from './verdict.ts'

/** What Tomcat nodes need on this machine: Tomcat itself, a Java new enough for it, and the jar with the session manager. */
export const tomcatChecks: Checks = ({ nodes }) => {
  const byHome = new Map<string, { app: TomcatAppConfig; ids: string[] }>()
  for (const { id, app } of nodes) {
    if (app.driver !== 'tomcat') continue
    const key = JSON.stringify([app.home, app.env.JAVA_HOME, app.env.JRE_HOME, app.env.PATH])
    const same = byHome.get(key) ?? { app, ids: [] }
    byHome.set(key, { app, ids: [...same.ids, id] })
  }
  return [...byHome.values()].flatMap(({ app, ids }) => checksOf(app, subjectOf(ids, nodes)))
}

function subjectOf(ids: readonly string[], nodes: Config['nodes']): string {
  return ids.length === nodes.length ? 'app' : ids.join(', ')
}

function checksOf(app: TomcatAppConfig, subject: string): Check[] {
  // Read once for all of them, when the first asks.
  let opened: Promise<TomcatHome> | undefined
  const home = () => {
    opened ??= openHome(app.home)
    return opened
  }
  const judged = (id: string, where: string, see: () => Promise<string>): Check => ({
    id,
    subject: where,
    run: () => see().then(ok, refused),
  })
  return [
    judged('tomcat', `${subject}.home`, async () => `Tomcat ${(await home()).version.version} in ${app.home}`),
    judged('java', subject, async () => {
      const { path, major } = await findJava({ ...process.env, ...app.env }, (await home()).version)
      return Number.isFinite(major) ? `Java ${major}, ${path}` : path
    }),
    judged('session-jar', subject, async () => sessionJar({ api: (await home()).api })),
  ]
}

/** A node could not start. */
function refused(error: unknown): Verdict {
  if (error instanceof BatonError) return problem(error.message, error.hint ?? 'look into this, then check again')
  throw error
}
