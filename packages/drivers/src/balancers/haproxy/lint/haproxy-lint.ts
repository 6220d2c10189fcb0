import { type Finding, sortFindings } from '../../finding.ts'
import { backendRules } from './rules/backend.ts'
import { requestRules } from './rules/requests.ts'
import { socketRules } from './rules/socket.ts'
import { stateRules } from './rules/state.ts'
import { type HaproxyLintOptions, type HaproxyRule, readSite } from './site.ts'

export const haproxyRules: readonly HaproxyRule[] = [...socketRules, ...stateRules, ...backendRules, ...requestRules]

/**
 * What in a haproxy.cfg makes deploys fail requests, or will. Sorted by line. Throws `haproxy-config-unreadable` for what
 * HAProxy would refuse as well.
 */
export function lintHaproxy(text: string, options: HaproxyLintOptions): Finding[] {
  const site = readSite(text, options)
  return sortFindings(haproxyRules.flatMap(({ id, check }) => check(site).map((finding) => ({ rule: id, ...finding }))))
}
