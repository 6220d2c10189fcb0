import { join } from 'node:path'

/** Where things lie below the state folder. */

export function nodeDir(stateDir: string, node: string): string {
  return join(stateDir, 'nodes', node)
}

/** What the node's app writes to its standard output and error. */
export function appLogPath(stateDir: string, node: string): string {
  return join(nodeDir(stateDir, node), 'log', 'current.log')
}

export function supervisorSocketPath(stateDir: string): string {
  return join(stateDir, 'supervisor.sock')
}

export function supervisorStatePath(stateDir: string): string {
  return join(stateDir, 'supervisor.json')
}
