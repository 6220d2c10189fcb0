import { type Hold, refuseIfAway } from './hold.ts'

/** Ends the session everywhere. */
export async function end(hold: Hold): Promise<void> {
  refuseIfAway(hold)
  if (hold.life === 'alive') {
    hold.endIsWanted = true
    const wasAlive = await hold.context.store.destroy(hold.key, hold.owner)
    hold.endIsWanted = false
    hold.forget()
    hold.written = undefined
    // Where another request has replaced the session, the browser has, or gets, a better cookie than none.
    hold.cookie = wasAlive ? 'clear' : undefined
    if (!wasAlive) hold.life = 'dead'
    return
  }
  const { life } = hold
  hold.forget()
  hold.life = life
}
