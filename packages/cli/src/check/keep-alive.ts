import { Agent, get, type IncomingMessage } from 'node:http'
import type { Address, Config } from '@baton/core'
import type { CheckContext, Checks } from './check.ts'
import { onRunningNodes } from './running-nodes.ts'
import { codeOf, notChecked, ok, type Verdict, warning } from './verdict.ts'

/** Below this, a request and the end of an idle connection meet too often. */
const leastSeconds = 2

/** How long the app keeps idle connections open: a balancer that reuses one too late loses a request. */
export const keepAliveChecks: Checks = (config, context) => {
  if (config.health.type !== 'http') return []
  return onRunningNodes('keep-alive', config, context, async ({ address }, signal) => {
    const agent = new Agent({ keepAlive: true })
    try {
      const { headers } = await ask(address, { path: config.health.path, agent, signal })
      return judge(headers.connection, headers['keep-alive'])
    } catch (error) {
      signal.throwIfAborted()
      return notChecked(`no answer (${codeOf(error)})`, 'start the node, then check again')
    } finally {
      agent.destroy()
    }
  })
}

/**
 * The shortest time that a running node announces for idle connections; null where none announces one, or none runs.
 * Source: the Keep-Alive field that Node.js and Tomcat send.
 */
export async function announcedKeepAliveMs(
  { nodes, health }: Config,
  { running }: CheckContext,
  signal: AbortSignal,
): Promise<number | null> {
  if (health.type !== 'http') return null
  const asked = nodes.filter(({ id, app }) => app.driver === 'command' || running.nodes.includes(id))
  const agent = new Agent({ keepAlive: true })
  try {
    const answers = await Promise.all(
      asked.map(({ address }) =>
        ask(address, { path: health.path, agent, signal }).then(
          ({ headers }) => announcedSeconds(headers['keep-alive']),
          () => null,
        ),
      ),
    )
    const seconds = answers.filter((answer) => answer !== null)
    return seconds.length === 0 ? null : Math.min(...seconds) * 1000
  } finally {
    agent.destroy()
  }
}

function announcedSeconds(keepAlive: string | string[] | undefined): number | null {
  const seconds = /timeout=(\d+)/i.exec(String(keepAlive ?? ''))?.[1]
  return seconds === undefined ? null : Number(seconds)
}

function judge(connection: string | undefined, keepAlive: string | string[] | undefined): Verdict {
  const remedy =
    'raise it in the app: server.keepAliveTimeout = 65_000 (Node.js), keepAliveTimeout="75000" of the Connector (Tomcat)'
  if (connection?.toLowerCase() === 'close') {
    return warning('the app closes every connection after its answer, so each request pays for a new one', remedy)
  }
  const seconds = announcedSeconds(keepAlive)
  if (seconds === null)
    return notChecked('the app does not say how long it keeps idle connections', 'look that it is 5 s or more')
  if (seconds >= leastSeconds) return ok(`idle connections are kept for ${seconds} s`)
  return warning(`the app closes idle connections after ${seconds} s, so that one may close under a request`, remedy)
}

function ask(address: Address, options: { path: string; agent: Agent; signal: AbortSignal }): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = get({ ...address, ...options, headers: { 'user-agent': 'baton-check' } }, (answer) => {
      answer.resume()
      resolve(answer)
    })
    request.on('error', reject)
  })
}
