import { chmod } from 'node:fs/promises'
import { writeAtomically } from '../../releases/durable.ts'

/**
 * Keeps `show servers state` where HAProxy reads it when it starts (`load-server-state-from-file`), so that a node that is
 * out stays out before Baton has been heard of again. Left out are servers that happened to be down: they would start as
 * down, where checks find soon enough what they are.
 */
export async function saveServerState(path: string, answer: string): Promise<void> {
  const lines = answer.split('\n').filter((line, index) => index < 2 || !happensToBeDown(line))
  await writeAtomically(path, `${lines.join('\n')}\n`)
  // No secret, and HAProxy may run as another user.
  await chmod(path, 0o644)
}

/** srv_op_state 0 (stopped) or 1 (warming up) with srv_admin_state 0: fields 6 and 7 of format version 1. */
function happensToBeDown(line: string): boolean {
  const [operational, administrative] = line.split(' ').slice(5, 7)
  return administrative === '0' && (operational === '0' || operational === '1')
}
