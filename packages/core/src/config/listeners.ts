import { collide, formatAddress } from './address.ts'
import type { Draft } from './draft.ts'
import type { Finding, Path } from './finding.ts'
import { mistake } from './reading.ts'
import { defaultListen } from './resolution.ts'
import type { Address } from './types.ts'

/** Addresses that two would listen on: nodes, or a node and the balancer. */
export function listenerFindings(draft: Draft): Finding[] {
  const seen = new Map<number, { path: Path; address: Address }[]>()
  const findings: Finding[] = []
  const listeners = [
    { path: ['balancer', 'listen'], address: listenOf(draft) },
    ...draft.nodes.map(({ id, address }) => ({ path: ['nodes', id, 'address'], address })),
  ]
  for (const { path, address } of listeners) {
    if (!address) continue
    const samePort = seen.get(address.port) ?? []
    const other = samePort.find((each) => collide(each.address, address))
    if (other) {
      const wrong = mistake(
        `${formatAddress(address)} is the address of ${other.path.join('.')} as well`,
        'use another port',
      )
      findings.push({ ...wrong, path, at: 'value', ofWhole: false })
    }
    seen.set(address.port, [...samePort, { path, address }])
  }
  return findings
}

/** Undefined where the balancer listens nowhere that Baton knows of. */
function listenOf({ balancer, has }: Draft): Address | undefined {
  if (balancer.listen || has(['balancer', 'listen'])) return balancer.listen
  return balancer.driver === 'embedded' ? defaultListen : undefined
}
