import { join } from 'node:path'

export interface StatePaths {
  /** What nginx binds. */
  readonly listenSocket: string
  /** Where it is asked, after `takeSocket`. */
  readonly adminSocket: string
  readonly stateFile: string
}

/** In the state folder of an app. */
export function statePaths(stateDir: string): StatePaths {
  return {
    listenSocket: join(stateDir, 'listen.sock'),
    adminSocket: join(stateDir, 'admin.sock'),
    stateFile: join(stateDir, 'state.json'),
  }
}
