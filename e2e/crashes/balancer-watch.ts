import { setTimeout as sleep } from 'node:timers/promises'
import type { BalancerView } from '@baton/core'
import type { Rig } from '../rig.ts'

/** Looks at a rig's balancer every few milliseconds, and remembers. */
export interface BalancerWatch {
  stop(): Promise<Watched>
}

export interface Watched {
  readonly samples: number
  /** The least healthy weight that was ever seen serving. */
  readonly lowestWeight: number
  /** Between two answers of the balancer. */
  readonly longestGapMs: number
}

const everyMs = 20

export function watchBalancer(site: Rig, onSample: (view: BalancerView) => void = () => {}): BalancerWatch {
  let stopped = false
  let [samples, lowestWeight, longestGapMs, last] = [0, Number.POSITIVE_INFINITY, 0, Date.now()]

  const watch = async () => {
    while (!stopped) {
      const view = await site.view()
      samples += 1
      lowestWeight = Math.min(lowestWeight, servingWeight(view))
      longestGapMs = Math.max(longestGapMs, Date.now() - last)
      last = Date.now()
      onSample(view)
      await sleep(everyMs)
    }
  }
  const ended = watch()
  // Told to whoever stops it.
  ended.catch(() => {})

  return {
    async stop() {
      stopped = true
      await ended
      return { samples, lowestWeight, longestGapMs }
    },
  }
}

function servingWeight({ nodes }: BalancerView): number {
  return nodes
    .filter((node) => node.state === 'serving' && node.healthy)
    .reduce((weight, node) => weight + node.weight, 0)
}
