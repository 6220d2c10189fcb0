import { type Mistake, mistake } from './reading.ts'
import { fieldsOfDriver } from './schema.ts'

export type AppDriver = keyof typeof fieldsOfDriver.app
export type BalancerDriver = keyof typeof fieldsOfDriver.balancer

/** The driver that alone reads a field of `app` or of a node; undefined for a field that all of them read. */
export function appDriverOf(name: string): AppDriver | undefined {
  return ownerOf(fieldsOfDriver.app, name)
}

/** As `appDriverOf`, for the fields of `balancer`. */
export function balancerDriverOf(name: string): BalancerDriver | undefined {
  return ownerOf(fieldsOfDriver.balancer, name)
}

/** A field that stands under another driver than the one that reads it. */
export function misplaced(owner: string): Mistake {
  return mistake(`is read by the driver ${owner} alone`, `remove it, or write driver: ${owner}`)
}

interface Fields {
  readonly needed: readonly string[]
  readonly optional: readonly string[]
}

function ownerOf<Driver extends string>(table: Readonly<Record<Driver, Fields>>, name: string): Driver | undefined {
  return (Object.keys(table) as Driver[]).find((driver) => {
    const { needed, optional } = table[driver]
    return needed.includes(name) || optional.includes(name)
  })
}
