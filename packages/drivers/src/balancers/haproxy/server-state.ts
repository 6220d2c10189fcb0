import { chmod } from 'node:fs/promises'
import { writeAtomically } from '../../durable.ts'

/**
 * Keeps what `show servers state` says of servers that are out where HAProxy reads it when it starts
 * (`load-server-state-from-file`), so that they stay out before Baton has been heard of again.
 *
 * Of them alone: what stands there wins over haproxy.cfg, the port too (haproxy/haproxy#1412), and a server that was down
 * would start as down.
 */
export async function saveServerState(path: string, answer: string): Promise<void> {
  const [version = '', header = '', ...servers] = answer.split('\n')
  await writeAtomically(path, `${[version, header, ...servers.filter(isOut)].join('\n')}\n`)
  // No secret, and HAProxy may run as another user.
  await chmod(path, 0o644)
}

/** srv_admin_state or srv_uweight: fields 7 and 8 of format version 1. */
function isOut(line: string): boolean {
  const [administrative, weight] = line.split(' ').slice(6, 8)
  return administrative !== '0' || weight === '0'
}
