import { gone, type Hold, noFields, refuseIfAway } from './hold.ts'

/** What the store has now; what this request changed, and has not written, is forgotten. */
export async function reload(hold: Hold): Promise<void> {
  refuseIfAway(hold)
  if (hold.life !== 'alive') throw gone('reloaded')
  await refresh(hold, { keepChanges: false })
  if (!hold.isAlive()) throw gone('reloaded')
}

/** Loads the session anew, whatever is cached. */
export async function refresh(hold: Hold, { keepChanges }: { readonly keepChanges: boolean }): Promise<void> {
  const stored = await hold.context.store.load(hold.key, { fresh: true })
  if (!keepChanges) {
    hold.maxInactiveMs = hold.storedInactiveMs
    hold.attributes.reset(noFields, hold.key)
  }
  if (stored === undefined) hold.life = 'dead'
  else hold.adopt(hold.key, stored.fields)
}
