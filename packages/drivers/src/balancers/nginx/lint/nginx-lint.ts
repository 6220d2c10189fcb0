import { type Finding, sortFindings } from '../../finding.ts'
import { keepAliveRules } from './rules/keep-alive.ts'
import { luaRules } from './rules/lua.ts'
import { pathRules } from './rules/paths.ts'
import { poolRules } from './rules/pool.ts'
import { reloadRules } from './rules/reloads.ts'
import { retryRules } from './rules/retries.ts'
import { type NginxLintOptions, type NginxRule, readSite } from './site.ts'

export const nginxRules: readonly NginxRule[] = [
  ...keepAliveRules,
  ...retryRules,
  ...poolRules,
  ...pathRules,
  ...reloadRules,
  ...luaRules,
]

/**
 * What in a configuration of nginx makes deploys fail requests, or will. `dump` is what `nginx -T` prints on standard
 * output. Sorted by file and line. Throws `nginx-config-unreadable` for what nginx would refuse as well.
 */
export function lintNginx(dump: string, options: NginxLintOptions): Finding[] {
  const site = readSite(dump, options)
  return sortFindings(nginxRules.flatMap(({ id, check }) => check(site).map((finding) => ({ rule: id, ...finding }))))
}
