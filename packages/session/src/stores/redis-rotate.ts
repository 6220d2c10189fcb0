import { SessionError } from '../errors.ts'
import { evaluate, fieldsOf, flatten, loadCommands, readStored } from './redis-commands.ts'
import type { RedisKeys } from './redis-keys.ts'
import type { RedisOwners } from './redis-owners.ts'
import { scripts } from './redis-scripts.ts'
import type { Argument, RedisServers } from './redis-servers.ts'
import { type Rotated, type Rotation, tombstoneTtlMs } from './store.ts'

/** Each costs two round trips, and is needed only if another request has committed during the one before. */
const maxTries = 10

/** Both keys, and the user's, in one script. */
export function rotateAtOnce(servers: RedisServers, keys: RedisKeys, rotation: Rotation, ttlMs: number) {
  const { from, to, owner } = rotation
  const names = [keys.session(from), keys.session(to)]
  if (owner !== undefined) names.push(keys.list(owner), keys.epoch(owner))
  const args: Argument[] = [
    String(ttlMs),
    rotation.tombstone,
    String(tombstoneTtlMs),
    rotation.keepAttributes ? '1' : '0',
    rotation.ifVersion === undefined ? '' : String(rotation.ifVersion),
    isLogin(rotation) ? '1' : '0',
    from,
    to,
    String(rotation.remove.length),
    ...rotation.remove,
    ...flatten(rotation.set),
  ]
  return servers.run('commit', keys.session(from), [evaluate(scripts.rotate, names, args)], (replies): Rotated => {
    const [outcome, flat] = replies[0] as [Buffer, Buffer[]]
    if (outcome.toString() === 'done') return fieldsOf(flat)
    return outcome.toString() === 'conflict' ? 'conflict' : undefined
  })
}

/**
 * In a cluster the two keys are on two servers. The new key is written first, whole; then the old one becomes its
 * tombstone, if it still has the version that was copied, and otherwise the copy is made anew. So:
 *
 * - until the tombstone is written, the old session is the one that counts: it is alive, with all that was committed to
 *   it, and nobody has the id of the new one. A crash here loses nothing; the copy that nobody can name expires by itself.
 * - the tombstone is the one step that decides, and it is atomic: no write to the old key falls between the last look at
 *   its version and its end, so none is lost; a logout that came first makes this rotation give up and bury its copy.
 * - after it the old key is dead for good: a crash here costs this login, as a lost answer does, and revives nothing.
 */
export async function rotateInSteps(
  { servers, keys, owners }: { servers: RedisServers; keys: RedisKeys; owners: RedisOwners },
  rotation: Rotation,
  ttlMs: number,
): Promise<Rotated> {
  const { from, to, owner } = rotation
  const [oldKey, newKey] = [keys.session(from), keys.session(to)]
  const [stored, epoch] = await Promise.all([
    servers.run('commit', oldKey, loadCommands(oldKey), readStored),
    owner === undefined ? undefined : owners.announce(owner, to, ttlMs),
  ])
  let current: ReadonlyMap<string, Buffer> | undefined = stored?.fields
  for (let tries = 0; tries < maxTries; tries += 1) {
    const outcome = outcomeFor(current, rotation, epoch)
    if (typeof outcome === 'string') {
      if (current !== stored?.fields) await buryCopy()
      if (outcome === 'outdated') await kill()
      return outcome === 'conflict' ? outcome : undefined
    }
    const version = current?.get('@v')?.toString() ?? '0'
    const replace = evaluate(scripts.replace, [newKey], [String(ttlMs), ...flatten(outcome)])
    await servers.run('commit', newKey, [replace], done)
    const retire = evaluate(scripts.retire, [oldKey], [rotation.tombstone, String(tombstoneTtlMs), version])
    const [retired, found] = await servers.run(
      'commit',
      oldKey,
      [retire],
      (replies) => replies[0] as [Buffer, Buffer[] | undefined],
    )
    if (retired.toString() === 'done') {
      if (owner !== undefined && epoch !== undefined) {
        await owners.confirm(owner, to, outcome.get('@e')?.toString() ?? epoch, ttlMs)
        owners.forget(owner, from).catch(done)
      }
      return outcome
    }
    current = found === undefined ? new Map() : fieldsOf(found)
  }
  await buryCopy()
  throw new SessionError('session-conflict', 'others kept writing to the session that was to get a new id; try again')

  function buryCopy(): Promise<void> {
    return servers.run('commit', newKey, [['UNLINK', newKey]], done)
  }

  async function kill(): Promise<void> {
    const command = evaluate(scripts.kill, [oldKey], [epoch ?? '0', String(tombstoneTtlMs), '0'])
    await servers.run('commit', oldKey, [command], done)
  }
}

/** What the new key is to hold, or why there will be none. `outdated`: its user was logged out everywhere. */
function outcomeFor(
  current: ReadonlyMap<string, Buffer> | undefined,
  rotation: Rotation,
  epoch: string | undefined,
): Map<string, Buffer> | 'dead' | 'conflict' | 'outdated' {
  if (current === undefined || !current.has('@c') || current.has('@x')) return 'dead'
  const version = Number(current.get('@v') ?? 0)
  if (rotation.ifVersion !== undefined && rotation.ifVersion !== version) return 'conflict'
  const fields = new Map<string, Buffer>()
  for (const [field, value] of current) {
    if (rotation.keepAttributes || !(field.startsWith('.') || field.startsWith('@j.'))) fields.set(field, value)
  }
  for (const [field, value] of rotation.set) fields.set(field, value)
  for (const field of rotation.remove) fields.delete(field)
  if (epoch !== undefined) {
    // Who logs in belongs to the present epoch; a session that only gets a new id must not outlive a log-out-everywhere.
    const own = isLogin(rotation) ? epoch : (current.get('@e')?.toString() ?? '0')
    if (Number(own) < Number(epoch)) return 'outdated'
    fields.set('@e', Buffer.from(own))
  }
  fields.set('@v', Buffer.from(String(version + 1)))
  return fields
}

function isLogin(rotation: Rotation): boolean {
  return rotation.set.has('@p')
}

function done(): void {}
