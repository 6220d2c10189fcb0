import type { Config, TomcatAppConfig } from '@baton/core'
import { findJava, openHome, sessionJar } from '@baton/drivers'
import type { Check, Checks } from './check.ts'
import { ok } from './verdict.ts'

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

/** Each fails with an error whose hint is the remedy. */
function checksOf(app: TomcatAppConfig, subject: string): Check[] {
  return [
    {
      id: 'tomcat',
      subject: `${subject}.home`,
      run: async (signal) => ok(`Tomcat ${(await openHome(app.home, signal)).version.version} in ${app.home}`),
    },
    {
      id: 'java',
      subject,
      async run(signal) {
        const { version } = await openHome(app.home, signal)
        const { path, major } = await findJava({ ...process.env, ...app.env }, version)
        return ok(Number.isFinite(major) ? `Java ${major}, ${path}` : path)
      },
    },
    {
      id: 'session-jar',
      subject,
      async run(signal) {
        const { api } = await openHome(app.home, signal)
        return ok(await sessionJar({ api }))
      },
    },
  ]
}
