import { readFile } from 'node:fs/promises'
import type { Config, HaproxyBalancerConfig } from '@baton/core'
import { compareHaproxy, lintHaproxy, readHaproxy } from '@baton/drivers'
import { haproxyRendering } from '../balancers.ts'
import type { Check, CheckContext, Observation } from './check.ts'
import { observe } from './findings.ts'
import { announcedKeepAliveMs } from './keep-alive.ts'
import { codeOf, notChecked, ok } from './verdict.ts'

/** The running HAProxy, beside what baton.yaml wants of it, and the files it was started with. */
export function haproxyChecks(haproxy: HaproxyBalancerConfig, config: Config, context: CheckContext): readonly Check[] {
  const { backend, socketPath, serverStateFile, nodes } = haproxyRendering(haproxy, { config, ...context })

  async function lintFiles(files: readonly string[], signal: AbortSignal) {
    const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')))
    const appKeepAliveMs = await announcedKeepAliveMs(config, context, signal)
    // HAProxy reads several files as if they were one.
    const options = { file: files.join('+'), backend, socket: socketPath, serverStateFile, nodes, appKeepAliveMs }
    return lintHaproxy(texts.join('\n'), options)
  }

  return [
    {
      id: 'haproxy',
      subject: socketPath,
      async run(signal) {
        const running = await readHaproxy({ socketPath, backend }, { signal })
        const found = compareHaproxy(running, { nodes })
        const { configFiles } = running
        const unread = (why: string): Observation => ({
          id: 'haproxy/unread',
          subject: socketPath,
          ...notChecked(`haproxy.cfg (${why})`, 'compare it with what baton balancer config prints'),
        })
        const told = (observe('haproxy', found) ?? []) as readonly Observation[]
        if (configFiles === null) return [...told, unread('this HAProxy does not tell which files it reads')]
        try {
          // What its file says already need not be said once more of the process.
          const inFiles = await lintFiles(configFiles, signal)
          const rules = new Set(inFiles.map(({ rule }) => rule))
          const all = [...inFiles, ...found.filter(({ rule }) => !rules.has(rule))]
          return observe('haproxy', all) ?? ok(`HAProxy ${running.version}: nothing in its configuration is in the way`)
        } catch (error) {
          signal.throwIfAborted()
          return [...told, unread(codeOf(error))]
        }
      },
    },
  ]
}
