import { posix } from 'node:path'
import type { Section } from '../sections.ts'
import { inEffect } from '../settings.ts'
import { backendRule, type HaproxyRule, type HaproxySite } from '../site.ts'

/** What stays of a drained node when HAProxy is reloaded or started again. */
export const stateRules: readonly HaproxyRule[] = [
  backendRule('state-not-loaded', (backend, site) => {
    const setting = inEffect(backend, 'load-server-state-from-file')[0]
    if (setting !== undefined && setting.args[0] !== 'none') return []
    const message = `backend ${backend.name} loads no state of its servers: after a reload of HAProxy a drained node gets requests again`
    return [{ level: 'problem', where: site.where(setting ?? backend), message, remedy: loadOurs(backend, site) }]
  }),
  backendRule('state-file-missing', (backend, site) => {
    const setting = inEffect(backend, 'load-server-state-from-file')[0]
    if (setting?.args[0] !== 'global' || stateFile(backend, site) !== null) return []
    const message =
      `backend ${backend.name} loads the global state file, but global names none: after a reload of HAProxy a drained node ` +
      'gets requests again'
    return [{ level: 'problem', where: site.where(setting), message, remedy: loadOurs(backend, site) }]
  }),
  backendRule('state-file-elsewhere', (backend, site) => {
    const setting = inEffect(backend, 'load-server-state-from-file')[0]
    const file = stateFile(backend, site)
    if (setting === undefined || file === null || file === site.options.serverStateFile) return []
    const message =
      `backend ${backend.name} loads the state of its servers from ${file}, Baton keeps it in ${site.options.serverStateFile}: ` +
      'after a reload of HAProxy a drained node gets requests again, unless whoever reloads saves the state first'
    return [{ level: 'warning', where: site.where(setting), message, remedy: loadOurs(backend, site) }]
  }),
  {
    id: 'hard-stop-after-missing',
    check(site) {
      if (site.global.some(({ keyword }) => keyword === 'hard-stop-after')) return []
      const message =
        'without hard-stop-after a process that was replaced by a reload stays as long as its last WebSocket or download, and ' +
        'sends its requests to nodes that Baton can no longer drain there'
      const remedy = 'hard-stop-after 60s; in global'
      return [{ level: 'warning', where: site.where({ line: site.globalLine }), message, remedy }]
    },
  },
]

/** The file that the backend loads (configuration manual, load-server-state-from-file); null where it loads none. */
function stateFile(backend: Section, site: HaproxySite): string | null {
  const ofGlobal = (keyword: string) => site.global.findLast((line) => line.keyword === keyword)?.args[0] ?? null
  const source = inEffect(backend, 'load-server-state-from-file')[0]?.args[0]
  const ofBackend = inEffect(backend, 'server-state-file-name')[0]?.args[0] ?? 'use-backend-name'
  const local = ofBackend === 'use-backend-name' ? backend.name : ofBackend
  const file = source === 'local' ? local : source === 'global' ? ofGlobal('server-state-file') : null
  return file === null ? null : posix.resolve(ofGlobal('server-state-base') ?? '/', file)
}

function loadOurs(backend: Section, { options }: HaproxySite): string {
  return (
    `load-server-state-from-file local and server-state-file-name ${options.serverStateFile} in backend ${backend.name}, ` +
    'as baton balancer config prints'
  )
}
