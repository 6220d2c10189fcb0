import { mkdtemp, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Checks } from './check.ts'
import { nearestFolder } from './folder.ts'
import { ok, problem, warning } from './verdict.ts'

const oldest = Date.UTC(2025, 0)
const toleratedMs = 5000

/** Leases and time stamps of releases need a clock that is right, and a file system that agrees with it. */
export const clockChecks: Checks = (_, { stateDir }) => [
  {
    id: 'clock',
    subject: 'clock',
    async run() {
      const folder = await mkdtemp(join(await nearestFolder(stateDir), '.baton-clock-'))
      try {
        return judgeClock({ nowMs: Date.now(), fileMs: (await stat(folder)).mtimeMs })
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
  },
]

export function judgeClock({ nowMs, fileMs }: { nowMs: number; fileMs: number }) {
  const shown = new Date(nowMs).toISOString()
  if (nowMs < oldest) return problem(`the clock says ${shown}`, 'set it, and keep it right with NTP')
  const apartMs = Math.abs(nowMs - fileMs)
  if (apartMs <= toleratedMs) return ok(`${shown}, and the file system agrees`)
  const seconds = Math.round(apartMs / 1000)
  return warning(`the clock and that of the file system are ${seconds} s apart`, 'keep both right with NTP')
}
