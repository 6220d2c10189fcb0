import type { ProcessIdentity } from '../../../shells/local/identity.ts'
import { type NginxDump, valuesOf } from '../dump.ts'
import { pause } from '../pause.ts'
import { stageOf } from '../workers.ts'

/**
 * Resolves when the workers take no new request any more: they are gone, or only finish what they had before. While they do
 * nothing else, idle clients may still send something for as long as `keepAliveMs`.
 */
export async function settle(
  workers: readonly ProcessIdentity[],
  { keepAliveMs }: { readonly keepAliveMs: number },
  signal: AbortSignal,
): Promise<void> {
  const patienceMs = Math.max(quietMs, keepAliveMs)
  let leavingSince: number | undefined
  for (;;) {
    const left = await Promise.all(workers.map(stageOf))
    if (left.every((each) => each === 'gone')) return
    if (left.includes('working')) leavingSince = undefined
    else leavingSince ??= performance.now()
    if (leavingSince !== undefined && performance.now() - leavingSince >= patienceMs) return
    await pause(pollMs, signal)
  }
}

/** The longest `keepalive_min_timeout` of a configuration, in milliseconds. */
export function minTimeoutMs(dump: NginxDump): number {
  return Math.max(0, ...valuesOf(dump, 'keepalive_min_timeout', () => true).map(toMs))
}

const pollMs = 10
/** Workers with nothing to finish are gone by then. */
const quietMs = 300

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** nginx's measurement units: `5s`, `1m 30s`, `500ms`; seconds where there is none. */
function toMs(time: string): number {
  return [...time.matchAll(/(\d+)(ms|[smhd])?/g)].reduce(
    (sum, [, amount, unit = 's']) => sum + Number(amount) * (unitMs[unit] ?? 0),
    0,
  )
}
