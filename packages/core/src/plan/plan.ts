import type { RampStep } from '../config/types.ts'
import type { Release } from '../ports/node.ts'

/** What a deploy will do. Plain JSON: what `plan` prints is what `deploy` does. */
export interface Plan {
  readonly deploy: string
  readonly kind: 'deploy' | 'rollback'
  readonly release: Release
  /** The release that most nodes run now; null where nothing runs yet. */
  readonly from: string | null
  readonly nodes: readonly PlannedNode[]
  /** Ids of the nodes that are out together, in order. */
  readonly batches: readonly (readonly string[])[]
  /** Weight that must stay in and healthy, out of the weight of all nodes of the balancer. */
  readonly floor: { readonly weight: number; readonly of: number }
  readonly rollout: PlannedRollout
  /** Releases that stay on every node afterwards, newest first. */
  readonly keep: readonly string[]
  /** Things the operator should know, for example that there is nothing to go back to. */
  readonly warnings: readonly string[]
}

export interface PlannedNode {
  readonly id: string
  readonly address: string
  readonly weight: number
  /** What it runs now, and so where a rollback takes it; null where that is not known. */
  readonly from: string | null
  /** Drained by hand before: it is upgraded but stays out until `baton join`. */
  readonly parked: boolean
}

export interface PlannedRollout {
  readonly batch: number
  readonly drainTimeoutMs: number
  readonly onDrainTimeout: 'abort' | 'force'
  readonly bakeMs: number
  /** As in the configuration; missing in journals of versions that had no ramps. */
  readonly ramp?: readonly RampStep[]
  readonly onFailure: 'rollback' | 'halt'
  readonly progressDeadlineMs: number
}
