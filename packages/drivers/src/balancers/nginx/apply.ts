import { open, rm } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { BatonError } from '@baton/core'
import { withDeadline } from '../../deadline.ts'
import type { ProcessIdentity } from '../../shells/local/identity.ts'
import { type ConfigFile, readIfThere, replaceFile } from './config-file.ts'
import type { NginxDump } from './dump.ts'
import { explainRefusal } from './explain.ts'
import { generationOf, hasGeneration, runningGeneration } from './generation.ts'
import { statePaths } from './paths.ts'
import { pause } from './pause.ts'
import type { NginxBuild, NginxProcess } from './process.ts'
import { stageOf, workersOf } from './workers.ts'

export interface NginxTarget {
  readonly nginx: NginxProcess
  readonly file: ConfigFile
  /** Of the socket on which nginx answers baton. */
  readonly stateDir: string
  /** For nginx to run with a new file. */
  readonly deadlineMs: number
}

export interface NewFile {
  readonly text: string
  readonly generation: string
  /** What the text refers to, by absolute paths: written before it, and put back with it. */
  readonly files?: readonly WrittenFile[]
}

export interface WrittenFile {
  readonly path: string
  readonly text: string
}

export interface Applied {
  readonly dump: NginxDump
  readonly build: NginxBuild
  /** null where nginx does not run: the file is in place, and tested. */
  readonly master: number | null
}

/**
 * Writes the file, tests it, reloads once and waits until workers answer with its generation. Whatever goes wrong on the
 * way, the last good file is back and, where nginx was told to reload, nginx runs with that one; then it fails with what
 * went wrong: `nginx-config-invalid`, `nginx-lua-missing`, `nginx-not-included`, `nginx-not-signalled`, `nginx-not-applied`.
 */
export async function applyFile(target: NginxTarget, wanted: NewFile, signal: AbortSignal): Promise<Applied> {
  const { nginx, file } = target
  const build = await nginx.build({ signal })
  const before = await Promise.all((wanted.files ?? []).map(readWritten))
  let told = false
  try {
    await Promise.all((wanted.files ?? []).map(({ path, text }) => replaceFile(path, text)))
    await file.write(wanted.text)
    const dump = await nginx.dump({ signal })
    if (!dump.files.some(({ text }) => hasGeneration(text, wanted.generation))) throw notIncluded(file.path, dump)
    const master = await nginx.master({ dump, build })
    if (master === null) await removeStaleSocket(target)
    else {
      const workers = await workersOf(master)
      await nginx.reload({ signal })
      told = true
      await proven(target, { generation: wanted.generation, workers, dump }, signal)
    }
    await file.keep()
    return { dump, build, master }
  } catch (error) {
    const failure = explainRefusal(error, { file: file.path, build })
    throw await withDeadline({ signal: new AbortController().signal, deadlineMs: 2 * target.deadlineMs }, (calm) =>
      putBack(target, { failure, told, before }, calm),
    )
  }
}

type FormerFile = { readonly path: string; readonly text: string | null }

async function readWritten({ path }: WrittenFile): Promise<FormerFile> {
  return { path, text: await readIfThere(path) }
}

/** An nginx that was killed leaves its socket behind, and would not start again because of it. */
export async function removeStaleSocket({ stateDir }: Pick<NginxTarget, 'stateDir'>): Promise<void> {
  if ((await runningGeneration(stateDir)) === null) await rm(statePaths(stateDir).listenSocket, { force: true })
}

const pollMs = 10

async function proven(
  { stateDir, deadlineMs }: NginxTarget,
  { generation, workers, dump }: { generation: string; workers: readonly ProcessIdentity[]; dump: NginxDump },
  signal: AbortSignal,
): Promise<void> {
  for (const until = performance.now() + deadlineMs; performance.now() < until; ) {
    // For a moment old workers answer as well as new ones.
    if ((await runningGeneration(stateDir)) === generation && (await allLeaving(workers))) return
    await pause(pollMs, signal)
  }
  const log = await lastErrors(dump.main.errorLog)
  const message = `nginx was told to reload, and does not run with the new file ${deadlineMs / 1000} s later`
  throw new BatonError('nginx-not-applied', log.length === 0 ? message : `${message}: ${log.at(-1)}`, {
    hint: `see nginx's error log${dump.main.errorLog === null ? '' : `, ${dump.main.errorLog}`}`,
    log,
  })
}

async function allLeaving(workers: readonly ProcessIdentity[]): Promise<boolean> {
  return !(await Promise.all(workers.map(stageOf))).includes('working')
}

/** The error as it is to be thrown: its message says how nginx was left. */
async function putBack(
  target: NginxTarget,
  { failure, told, before }: { failure: unknown; told: boolean; before: readonly FormerFile[] },
  signal: AbortSignal,
): Promise<unknown> {
  const { nginx, file, stateDir, deadlineMs } = target
  const good = await file.restore()
  for (const { path, text } of before) await (text === null ? rm(path, { force: true }) : replaceFile(path, text))
  const back = good === null ? `${file.path} is removed again` : `the last good ${file.path} is back`
  if (!told) return amended(failure, `${back}; nginx was not touched`)
  try {
    await nginx.reload({ signal })
    const generation = generationOf(good)
    if (generation === null) return amended(failure, `${back}, and nginx was told to reload`)
    for (const until = performance.now() + deadlineMs; performance.now() < until; ) {
      if ((await runningGeneration(stateDir)) === generation) return amended(failure, `${back}, and nginx runs with it`)
      await pause(pollMs, signal)
    }
    return amended(failure, `${back}, but nginx does not show that it runs with it`)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return amended(failure, `${back}, but nginx could not be reloaded (${why})`)
  }
}

function amended(failure: unknown, left: string): unknown {
  if (!(failure instanceof BatonError)) return failure
  const { code, message, hint, log } = failure
  const more = { ...(hint === undefined ? {} : { hint }), ...(log === undefined ? {} : { log }), cause: failure }
  return new BatonError(code, `${message} (${left})`, more)
}

export function notIncluded(path: string, { files }: Pick<NginxDump, 'files'>): BatonError {
  const main = files[0]?.path ?? 'nginx.conf'
  return new BatonError('nginx-not-included', `nginx does not read ${path}: nothing in ${main} includes it`, {
    hint: `add this line to the http block of ${main}: include ${path};`,
  })
}

const tailBytes = 16 * 1024

/** What nginx wrote of errors at last, as far as its log is a file that may be read. */
async function lastErrors(path: string | null): Promise<string[]> {
  if (path === null || !isAbsolute(path)) return []
  try {
    const log = await open(path)
    try {
      const { size } = await log.stat()
      const { buffer, bytesRead } = await log.read(Buffer.alloc(tailBytes), 0, tailBytes, Math.max(0, size - tailBytes))
      const lines = buffer.toString('utf8', 0, bytesRead).split('\n')
      return lines.filter((line) => /\[(emerg|alert|crit)\]/.test(line)).slice(-5)
    } finally {
      await log.close()
    }
  } catch {
    // It only helps to explain an error that is told anyway.
    return []
  }
}
