import type { Draft } from './draft.ts'
import { balancerDriverOf, misplaced } from './driver-fields.ts'
import type { Finding } from './finding.ts'
import { mistake } from './reading.ts'
import { fieldsOfDriver } from './schema.ts'

/** Fields that the balancer's driver needs and does not have, fields of another driver, and weights it does not know. */
export function balancerFindings(draft: Draft): Finding[] {
  const { driver } = draft.balancer
  // A driver that is not known is a mistake of its own.
  if (driver === undefined) return []
  const missing = fieldsOfDriver.balancer[driver].needed.filter((name) => !draft.has(['balancer', name]))
  const misfits = draft.keys(['balancer']).flatMap((name) => {
    const owner = balancerDriverOf(name)
    return owner === undefined || owner === driver ? [] : [{ name, owner }]
  })
  return [
    ...missing.map(
      (name): Finding => ({
        ...mistake(`missing, and the driver ${driver} needs it`, remedies[name]),
        path: ['balancer', name],
        at: 'value',
        ofWhole: true,
      }),
    ),
    ...misfits.map(
      ({ name, owner }): Finding => ({ ...misplaced(owner), path: ['balancer', name], at: 'key', ofWhole: false }),
    ),
    ...(driver === 'haproxy' ? tooHeavy(draft) : []),
  ]
}

const remedies = {
  socket: 'write the path of the runtime API, such as socket: /run/haproxy/admin.sock',
} as const

/** HAProxy's configuration manual, "weight": 0 to 256. */
const heaviestInHaproxy = 256

function tooHeavy(draft: Draft): Finding[] {
  return draft.nodes.flatMap(({ id, weight }): Finding[] => {
    if (weight === undefined || weight <= heaviestInHaproxy) return []
    const wrong = mistake(
      `${weight} is more than HAProxy knows`,
      `write 1 to ${heaviestInHaproxy}, the other weights in proportion`,
    )
    return [{ ...wrong, path: ['nodes', id, 'weight'], at: 'value', ofWhole: true }]
  })
}
