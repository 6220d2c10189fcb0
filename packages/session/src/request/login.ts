import { SessionError } from '../errors.ts'
import { deadlineField, type Fields, type Principal, principalFields } from '../format/record.ts'
import { begin, commitChanges } from './commit.ts'
import { gone, type Hold, noFields, refuseIfAway } from './hold.ts'
import { rotate } from './rotate.ts'

export interface LoginOptions {
  readonly roles?: readonly string[]
  /** How the user proved who they are, as in the Servlet API, e.g. `FORM`. */
  readonly authType?: string
}

/** Under a new id, so that an id that somebody planted before is worth nothing. */
export async function login(hold: Hold, user: string, { roles = [], authType }: LoginOptions = {}): Promise<void> {
  if (typeof user !== 'string' || user === '') {
    throw new SessionError('session-value', 'login needs the name of a user: session.login(name, { roles })')
  }
  refuseIfAway(hold)
  const { context, principal: before } = hold
  const next: Principal = { name: user, roles: [...roles], ...(authType === undefined ? {} : { authType }) }
  const meta = withDeadline(principalFields(next), context.absoluteMs)
  const owner = context.ownerOf(user)
  const remove = authType === undefined ? ['@t'] : []
  const keepAttributes = before === undefined || before.name === user
  if (await rotate(hold, { meta, remove, owner, keepAttributes })) return
  await begin(hold, meta, owner)
}

/** A new id, everything else kept. */
export async function regenerate(hold: Hold): Promise<void> {
  refuseIfAway(hold)
  if (hold.life === 'none') return commitChanges(hold)
  const { owner } = hold
  if (!(await rotate(hold, { meta: noFields, remove: [], owner, keepAttributes: true }))) throw gone('given a new id')
}

/** As `regenerate`, but one that has ended is left behind, and the next attribute begins another: the app logs somebody in. */
export async function regenerateOrForget(hold: Hold): Promise<void> {
  try {
    await regenerate(hold)
  } catch (error) {
    if (!(error instanceof SessionError) || error.code !== 'session-gone') throw error
    hold.forget()
  }
}

/** Who logs in has the whole time. */
function withDeadline(meta: Map<string, Buffer>, absoluteMs: number | undefined): Fields {
  return absoluteMs === undefined ? meta : meta.set('@A', deadlineField(Date.now() + absoluteMs))
}
