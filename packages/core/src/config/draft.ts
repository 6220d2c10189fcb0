import type { z } from 'zod'
import type { Path } from './finding.ts'
import { asMapping } from './reading.ts'
import { balancerFields, healthFields, nodeFields, rolloutFields, sessionsFields, sharedAppFields } from './schema.ts'

/** All that can be read of a configuration, value by value: one mistake must not hide another. */
export interface Draft {
  readonly balancer: Readable<typeof balancerFields>
  readonly app: Readable<typeof sharedAppFields>
  readonly nodes: readonly ({ readonly id: string } & Readable<typeof nodeFields>)[]
  readonly health: Readable<typeof healthFields>
  readonly rollout: Readable<typeof rolloutFields>
  readonly sessions: Readable<typeof sessionsFields>
  /** Whether something, right or wrong, was written there. */
  has(path: Path): boolean
  isMapping(path: Path): boolean
  /** The items of the list that was written there; none where there is no list. */
  items(path: Path): readonly unknown[]
  /** The keys that were written there. */
  keys(path: Path): readonly string[]
}

/** Fields that hold a mistake are missing; those that were not written have their defaults. */
type Readable<S extends z.ZodRawShape> = { readonly [K in keyof S]?: z.output<S[K]> }

/** `nodeIds` are the nodes in the order of the file. */
export function draftOf(raw: unknown, nodeIds: readonly string[]): Draft {
  const at = (path: Path) => path.reduce<unknown>((value, key) => asMapping(value)?.[key], raw)
  return {
    balancer: readable(balancerFields, at(['balancer'])),
    app: readable(sharedAppFields, at(['app'])),
    nodes: nodeIds.map((id) => ({ ...readable(nodeFields, at(['nodes', id])), id })),
    health: readable(healthFields, at(['health'])),
    rollout: readable(rolloutFields, at(['rollout'])),
    sessions: readable(sessionsFields, at(['sessions'])),
    has: (path) => at(path) !== undefined,
    isMapping: (path) => asMapping(at(path)) !== undefined,
    items: (path) => {
      const list = at(path)
      return Array.isArray(list) ? list : []
    },
    keys: (path) => Object.keys(asMapping(at(path)) ?? {}),
  }
}

function readable<S extends z.ZodRawShape>(fields: S, raw: unknown): Readable<S> {
  const written = asMapping(raw) ?? {}
  const read = Object.entries(fields).flatMap(([name, schema]) => {
    const result = (schema as z.ZodType).safeParse(written[name])
    return result.success ? [[name, result.data] as const] : []
  })
  return Object.fromEntries(read) as Readable<S>
}
