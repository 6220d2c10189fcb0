import { createHttpProbe, createTcpProbe } from '@baton/drivers'
import type { Checks } from './check.ts'
import { onRunningNodes } from './running-nodes.ts'
import { ok, problem } from './verdict.ts'

const longestMs = 1500

/** The question that a roll will ask, asked once. */
export const healthChecks: Checks = (config, context) =>
  onRunningNodes('health', config, context, async ({ address, app }, signal) => {
    const { health } = config
    const timeoutMs = Math.min(health.timeoutMs, longestMs)
    const probe =
      health.type === 'tcp'
        ? createTcpProbe({ ...address, timeoutMs })
        : createHttpProbe({ ...address, path: health.path, statuses: health.status, timeoutMs })
    const { healthy, reason } = await probe.check(signal)
    if (healthy) return ok(reason)
    const log = app.driver === 'process' ? 'look at its log below .baton/nodes/' : 'look whether it runs'
    return problem(reason, `${log}, or correct health in baton.yaml`)
  })
