import { expect, test } from 'vitest'
import { type Finding, sortFindings } from '../../src/balancers/finding.ts'
import { lintAdminFolder } from '../../src/balancers/nginx/lint/admin-folder.ts'
import { reloadLimits } from '../../src/balancers/nginx/lint/reload-limits.ts'

const finding = (where: string, rule = 'a'): Finding => ({ rule, where, level: 'warning', message: 'm', remedy: 'r' })

test('findings are sorted by file, line and rule, the lines as numbers', () => {
  const sorted = [
    finding('/a:2'),
    finding('/a:10'),
    finding('/a:10', 'b'),
    finding('/b'),
    finding('/b:1'),
    finding('/c:1'),
  ]
  expect(sortFindings([...sorted].reverse())).toEqual(sorted)
})

test('what two ways lead to is said once', () => {
  expect(sortFindings([finding('/a:1'), finding('/a:1')])).toEqual([finding('/a:1')])
})

test.each([
  [0o700, false],
  [0o40700, false],
  [0o40500, false],
  [0o40750, true],
  [0o40701, true],
  [0o41777, true],
])('a folder of mode %o is open to others: %s', (mode, isOpen) => {
  const findings = lintAdminFolder('/var/lib/baton/nginx', { mode })
  expect(findings.map(({ rule, where, remedy }) => [rule, where, remedy])).toEqual(
    isOpen ? [['admin-folder-open', '/var/lib/baton/nginx', 'chmod 700 /var/lib/baton/nginx']] : [],
  )
})

test('what the reload mode cannot promise is one paragraph with the measured figures and the way out', () => {
  const text = reloadLimits()
  expect(text).toContain('168 of 48,585 requests failed over 200 reloads')
  expect(text).toContain('balancer.mode: dynamic')
  expect(text).toContain('libnginx-mod-http-lua')
  expect(text).toContain('nginx-mod-http-lua lua-resty-core')
  expect(text).toContain('OpenResty')
  expect(text).not.toContain('\n')
  expect(reloadLimits({ requests: 1_000, failed: 7, reloads: 4 })).toContain(
    '7 of 1,000 requests failed over 4 reloads',
  )
})
