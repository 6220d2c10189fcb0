import { readdir, readFile, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ProxyError, systemCode } from '../errors.ts'
import type { AdminState } from '../table/table.ts'
import { writeAtomically } from './atomic-write.ts'

/** What must outlive the process. On disk: this as JSON, with `version: 1`. */
export interface ProxyState {
  /** The newest token seen. */
  readonly fence: number
  readonly nodes: ReadonlyMap<string, SavedNode>
}

export interface SavedNode {
  readonly admin: AdminState
  readonly weight: number
  /** The weight in the configuration when this was saved: an edit of the configuration outranks a weight set before it. */
  readonly configuredWeight: number
}

/** The empty state where there is no file yet. Fails with `state-damaged`, never guesses. */
export async function readState(path: string): Promise<ProxyState> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { fence: 0, nodes: new Map() }
    throw new ProxyError(
      'state-unreadable',
      `cannot read the balancer's state ${path} (${messageOf(error)}): check the permissions of the file and its folder`,
      error,
    )
  }
  return parseState(text, path)
}

/** Resolves when it is on disk. */
export async function writeState(path: string, state: ProxyState): Promise<void> {
  const nodes = Object.fromEntries(state.nodes)
  try {
    await writeAtomically(path, `${JSON.stringify({ version: 1, fence: state.fence, nodes }, null, 2)}\n`)
  } catch (error) {
    throw new ProxyError(
      'state-unwritable',
      `cannot write the balancer's state ${path} (${messageOf(error)}), so nothing was changed: check that its folder exists, is writable and has space`,
      error,
    )
  }
}

/** Removes what writers that were killed have left beside the file. Only while no other process writes it. */
export async function sweepTemporaries(path: string): Promise<void> {
  const folder = dirname(path)
  const names = await readdir(folder).catch(() => [])
  const left = names.filter((name) => name.startsWith(`${basename(path)}.`) && /\.\d+\.tmp$/.test(name))
  await Promise.all(left.map((name) => rm(join(folder, name), { force: true })))
}

function parseState(text: string, path: string): ProxyState {
  const damaged = (what: string): ProxyError =>
    new ProxyError(
      'state-damaged',
      `${path} is damaged: ${what}. It says which nodes are out, so it is not ignored: repair it, or delete it to start with every node in`,
    )
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw damaged(`it is not JSON (${messageOf(error)})`)
  }
  if (!isRecord(json)) throw damaged('it is not an object')
  if (json.version !== 1) throw damaged(`its version is ${JSON.stringify(json.version)}, this Baton reads version 1`)
  if (!isCount(json.fence)) throw damaged('`fence` is not a whole number')
  if (!isRecord(json.nodes)) throw damaged('`nodes` is not an object')
  const nodes = new Map<string, SavedNode>()
  for (const [id, node] of Object.entries(json.nodes)) {
    if (!isRecord(node)) throw damaged(`\`nodes.${id}\` is not an object`)
    const { admin, weight, configuredWeight } = node
    if (admin !== 'in' && admin !== 'out') throw damaged(`\`nodes.${id}.admin\` is neither "in" nor "out"`)
    if (!isCount(weight) || weight < 1) throw damaged(`\`nodes.${id}.weight\` is not a positive whole number`)
    if (!isCount(configuredWeight)) throw damaged(`\`nodes.${id}.configuredWeight\` is not a whole number`)
    nodes.set(id, { admin, weight, configuredWeight })
  }
  return { fence: json.fence, nodes }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
