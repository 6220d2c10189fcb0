import { join } from 'node:path'

export interface DynamicPaths {
  /** What nginx binds. */
  readonly listenSocket: string
  /** Where it is asked, after `takeSocket`. */
  readonly adminSocket: string
  readonly stateFile: string
}

/** In the state folder of an app. */
export function dynamicPaths(stateDir: string): DynamicPaths {
  return {
    listenSocket: join(stateDir, 'listen.sock'),
    adminSocket: join(stateDir, 'admin.sock'),
    stateFile: join(stateDir, 'state.json'),
  }
}
