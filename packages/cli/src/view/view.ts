import type { BatonEvent, DeployState } from '@baton/core'

/** Shows a deploy as it goes on. */
export interface View {
  onEvent(event: BatonEvent, state: DeployState): void
  /** Leaves the last picture standing. */
  close(): void
}
