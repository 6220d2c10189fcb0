import { inEffect } from '../settings.ts'
import { backendRule, type HaproxyRule } from '../site.ts'

/** What stays of a drained node when HAProxy is reloaded or started again. */
export const stateRules: readonly HaproxyRule[] = [
  {
    id: 'state-file-missing',
    check(site) {
      // A backend that loads `local` has a file of its own.
      const source =
        site.backend === null ? undefined : inEffect(site.backend, 'load-server-state-from-file')[0]?.args[0]
      if (source === 'local' || site.global.some(({ keyword }) => keyword === 'server-state-file')) return []
      const message =
        'without server-state-file HAProxy forgets on each reload which nodes are out: a drained node gets requests again'
      const remedy =
        'server-state-file /var/lib/haproxy/server-state; in global, and before each reload: ' +
        `echo "show servers state" | socat ${site.options.socket} - > /var/lib/haproxy/server-state`
      return [{ level: 'problem', where: site.where({ line: site.globalLine }), message, remedy }]
    },
  },
  backendRule('state-not-loaded', (backend, site) => {
    const setting = inEffect(backend, 'load-server-state-from-file')[0]
    if (setting !== undefined && setting.args[0] !== 'none') return []
    const message = `backend ${backend.name} does not load the state file: after a reload a drained node gets requests again`
    const remedy = `load-server-state-from-file global; in backend ${backend.name}, or in defaults`
    return [{ level: 'problem', where: site.where(setting ?? backend), message, remedy }]
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
