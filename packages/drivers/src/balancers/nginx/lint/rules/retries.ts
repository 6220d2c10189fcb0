import type { Directive } from '../directive.ts'
import { inEffect, type NginxRule, type NginxSite, whereOf } from '../site.ts'

/** Answers that nginx counts as failures of the node once it is told to retry on them (ngx_http_upstream_module). */
const ejecting = /^http_(429|5\d\d)$/

/**
 * A request is repeated on another node only when it provably was not processed. In dynamic mode Baton's Lua code sees to
 * that, whatever proxy_next_upstream says.
 */
export const retryRules: readonly NginxRule[] = [
  {
    id: 'retry-non-idempotent',
    check(site) {
      if (site.options.mode === 'dynamic') return []
      return retries(site).flatMap(({ setting, conditions }) => {
        if (setting === null || !conditions.includes('non_idempotent')) return []
        const message =
          'non_idempotent repeats a POST on another node after it was sent: what the first node did is done twice'
        return [{ level: 'problem', where: whereOf(setting), message, remedy: without(setting, ['non_idempotent']) }]
      })
    },
  },
  {
    id: 'retry-on-answer',
    check(site) {
      return retries(site).flatMap(({ setting, conditions }) => {
        const answers = conditions.filter((condition) => ejecting.test(condition))
        if (setting === null || answers.length === 0) return []
        const isDynamic = site.options.mode === 'dynamic'
        const message = isDynamic
          ? `${answers.join(' ')}: clients get nginx' 502 in place of the answer that the app gave`
          : `${answers.join(' ')}: an error that the app answers with is taken for a failure of its node, so that one bad page ` +
            'puts healthy nodes out for everybody, and the request is processed again on another'
        const remedy = without(setting, answers)
        return [{ level: isDynamic ? 'warning' : 'problem', where: whereOf(setting), message, remedy }]
      })
    },
  },
  {
    id: 'retry-after-sent',
    check(site) {
      // Of Baton's own file reloadLimits() tells.
      if (site.options.mode === 'dynamic') return []
      const users = retries(site).filter(({ pass }) => pass.file !== site.pool?.file)
      return users.flatMap(({ pass, setting, conditions }) => {
        const risky = conditions.filter((condition) => condition === 'error' || condition === 'timeout')
        if (risky.length === 0) return []
        const message =
          `${risky.join(' and ')}${setting === null ? ' (the default)' : ''} in proxy_next_upstream cannot tell a refused ` +
          'connection from a lost answer: a GET, PUT or DELETE that a node already processed is repeated on another'
        const remedy = 'balancer.mode: dynamic in baton.yaml, or proxy_next_upstream off; where a repetition does harm'
        return [{ level: 'warning', where: whereOf(setting ?? pass), message, remedy }]
      })
    },
  },
]

interface Retry {
  readonly pass: Directive
  /** null: nginx' default holds. */
  readonly setting: Directive | null
  readonly conditions: readonly string[]
}

function retries(site: NginxSite): Retry[] {
  return site.passes.flatMap((pass) => {
    const kind = pass.name === 'grpc_pass' ? 'grpc' : 'proxy'
    if (inEffect(pass, `${kind}_next_upstream_tries`)[0]?.args[0] === '1') return []
    const setting = inEffect(pass, `${kind}_next_upstream`)[0] ?? null
    const conditions = setting === null ? ['error', 'timeout'] : setting.args
    return conditions.includes('off') ? [] : [{ pass, setting, conditions }]
  })
}

function without(setting: Directive, conditions: readonly string[]): string {
  const rest = setting.args.filter((condition) => !conditions.includes(condition))
  return `${setting.name} ${rest.length === 0 ? 'off' : rest.join(' ')};`
}
