import type { Address } from '@baton/core'
import type { ServerName } from '@baton/testkit'
import type { ShopNode } from './shop-nodes.ts'

/** A way of taking a node out and putting it back. */
export interface Way {
  readonly name: string
  readonly needs: readonly ServerName[]
  /** What is expected of it: that nothing fails, that something does, or nothing: it is only printed. */
  readonly expected: 'clean' | 'failures' | null
  start(site: WaySite): Promise<RunningWay>
}

export interface WaySite {
  /** Of its own, empty. */
  readonly folder: string
  readonly listen: Address
  readonly nodes: readonly ShopNode[]
}

export interface RunningWay {
  /** Resolves when the node is out, and its last request is answered as far as that can be known. */
  takeOut(node: string): Promise<void>
  putBack(node: string): Promise<void>
  stop(): Promise<void>
}

export const nginxWorkers = 2
