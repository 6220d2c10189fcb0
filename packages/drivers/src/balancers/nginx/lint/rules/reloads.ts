import type { NginxRule } from '../site.ts'

/** What a reload leaves behind. */
export const reloadRules: readonly NginxRule[] = [
  {
    id: 'worker-shutdown-timeout-missing',
    check({ directives, mainFile, options }) {
      if (directives.some(({ name }) => name === 'worker_shutdown_timeout')) return []
      const consequence =
        options.mode === 'reload'
          ? 'each deploy reloads twice a node, and waits for the old workers before it stops one'
          : 'Baton does not reload, but whoever does leaves workers behind that nobody can drain'
      const message =
        'without worker_shutdown_timeout a worker that was replaced stays as long as its last WebSocket or download: ' +
        consequence
      const remedy = `worker_shutdown_timeout 60s; at the top of ${mainFile}`
      const level = options.mode === 'reload' ? 'problem' : 'warning'
      return [{ level, where: `${mainFile}:1`, message, remedy }]
    },
  },
]
