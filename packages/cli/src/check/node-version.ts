import type { Checks } from './check.ts'
import { ok, problem } from './verdict.ts'

const needed = [20, 19] as const

export const nodeVersionChecks: Checks = () => [
  {
    id: 'node-version',
    subject: 'Node.js',
    run: async () => judgeVersion(process.versions.node),
  },
]

export function judgeVersion(version: string) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const enough = major > needed[0] || (major === needed[0] && minor >= needed[1])
  const least = needed.join('.')
  return enough ? ok(`version ${version}`) : problem(`version ${version} is too old`, `install ${least} or newer`)
}
