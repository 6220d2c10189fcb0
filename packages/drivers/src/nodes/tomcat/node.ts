import type { Call, Node } from '@baton/core'
import { readLogTail } from '../../supervisor/app-log.ts'
import { createTomcat, type TomcatOptions } from './tomcat.ts'
import { assertWebapp, findWebapp } from './webapp.ts'

export interface TomcatNodeOptions extends TomcatOptions {
  /** Called before anything is changed; fails when the token is outdated. */
  assertHeld(token: number): Promise<void>
}

/**
 * A web application in a Tomcat on this host, in a CATALINA_BASE of the node's own that every start makes anew from `app`, the
 * sessions' settings and the current release. Needs no `baton up`, which only starts again what has crashed.
 */
export function createTomcatNode(options: TomcatNodeOptions): Node {
  const { assertHeld } = options
  const tomcat = createTomcat(options)
  const { id, releases } = tomcat
  const guard =
    ({ token }: Call) =>
    () =>
      assertHeld(token)

  return {
    id,
    driver: 'tomcat',

    // The lock itself is asked before each change: there is nobody else to tell.
    fence: ({ token }) => assertHeld(token),
    inspect: () => tomcat.view(),
    async stage(release, { signal, token }) {
      await assertHeld(token)
      await assertWebapp(release)
      await releases.stage(release, signal)
      // What was packed has been seen only now.
      await findWebapp(releases.releaseDir(release.id))
    },
    verify: (releaseId, { signal }) => releases.verify(releaseId, signal),
    stop: (call) => tomcat.stop(guard(call), call.signal),
    activate: (releaseId, call) => tomcat.activate(releaseId, guard(call), call.signal),
    start: (call) => tomcat.start(guard(call), call.signal),
    prune: (keep, call) => tomcat.prune(keep, guard(call), call.signal),
    logTail: (lines) => readLogTail(tomcat.layout.log, lines),
  }
}
