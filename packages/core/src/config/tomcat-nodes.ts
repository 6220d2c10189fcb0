import { driverOf } from './apps.ts'
import type { Draft } from './draft.ts'
import type { Finding } from './finding.ts'
import { mistake } from './reading.ts'

/** What does not fit nodes of the driver tomcat: sessions in a file of Node.js, and a check outside of the web application. */
export function tomcatFindings(draft: Draft): Finding[] {
  const nodes = draft.nodes.filter(({ id }) => driverOf(draft, id) === 'tomcat')
  if (nodes.length === 0) return []
  return [...storeFindings(draft), ...pathFindings(draft, nodes)]
}

function storeFindings({ sessions }: Draft): Finding[] {
  if (sessions.store !== 'embedded') return []
  const wrong = mistake(
    'embedded is for Node.js alone, and Tomcat nodes cannot use it',
    'write the URL of a Redis, such as store: redis://127.0.0.1:6379/0',
  )
  return [{ ...wrong, path: ['sessions', 'store'], at: 'value', ofWhole: true }]
}

function pathFindings(draft: Draft, nodes: Draft['nodes']): Finding[] {
  const { type, path } = draft.health
  if (type !== 'http' || path === undefined) return []
  const contexts = nodes.map(({ context }) => context ?? draft.app.context ?? '/')
  const outside = contexts.find((context) => context !== '/' && path !== context && !startsBelow(path, context))
  if (outside === undefined) return []
  const wrong = mistake(
    `${path} is outside of the web application, which is mounted at ${outside}: Tomcat answers 404 there`,
    `write one below it, such as path: ${outside}/`,
  )
  return [{ ...wrong, path: ['health', 'path'], at: 'value', ofWhole: true }]
}

function startsBelow(path: string, context: string): boolean {
  return path.startsWith(`${context}/`) || path.startsWith(`${context}?`)
}
