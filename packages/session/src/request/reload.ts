import { gone, type Hold, noFields, refuseIfAway } from './hold.ts'

/** What the store has now; what this request changed, and has not written, is forgotten. */
export async function reload(hold: Hold): Promise<void> {
  refuseIfAway(hold)
  if (hold.life !== 'alive') throw gone('reloaded')
  const stored = await hold.context.store.load(hold.key, { fresh: true })
  hold.maxInactiveMs = hold.storedInactiveMs
  hold.attributes.reset(noFields, hold.key)
  if (stored !== undefined) hold.adopt(hold.key, stored.fields)
  else hold.life = 'dead'
  if (!hold.isAlive()) throw gone('reloaded')
}
