import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { BatonError } from '@baton/core'
import { applyFile, type NewFile, type NginxTarget, notIncluded, removeStaleSocket, type WrittenFile } from './apply.ts'
import { createConfigFile, readIfThere } from './config-file.ts'
import type { NginxDump } from './dump.ts'
import { explainRefusal } from './explain.ts'
import { generationOf, headerOf, newGeneration, runningGeneration } from './generation.ts'
import { createNginxProcess, type NginxBuild, type NginxPlace } from './process.ts'
import { giveToWorkers, keepFromWorkers, makeStateFolder, workerUser } from './state-folder.ts'

export interface NginxInstallOptions {
  /** Of baton.yaml: the file is `baton-<name>.conf`. */
  readonly name: string
  /** How nginx is run, as argv. */
  readonly command: readonly string[]
  /** Absolute path of the folder that the file is written to. */
  readonly include: string
  /** Absolute path of the folder of nginx's own socket and state. */
  readonly stateDir: string
  /** Whether workers write in the state folder themselves. */
  readonly workersWrite: boolean
  /** Must answer `GET /v1/configuration` on the socket of `statePaths` with `{"token": generation}`. */
  readonly render: (generation: string, place: NginxPlace) => NginxText
  /** For nginx to run with a new file. Default 10 s. */
  readonly deadlineMs?: number
}

export interface NginxText {
  /** Below the header. */
  readonly conf: string
  /** What it refers to, readable for everybody. */
  readonly files?: readonly WrittenFile[]
}

export interface NginxInstallation {
  /** `not-running`: the file is written and tested, and nginx has to be started. */
  readonly outcome: 'applied' | 'unchanged' | 'not-running'
  readonly file: string
  readonly generation: string
}

/**
 * Brings Baton's file into a running nginx: written, tested, applied by one reload, proved by what workers answer; or
 * everything is as it was. Where nothing has changed nothing is done. Fails as `applyFile` does, and with
 * `include-missing`, `nginx-state-unreachable`, `socket-path-too-long`, `command-not-found`.
 */
export async function installNginx(options: NginxInstallOptions, signal: AbortSignal): Promise<NginxInstallation> {
  const { name, stateDir, render, workersWrite } = options
  await assertFolder(options.include)
  const target = await targetOf(options)
  const { nginx, file } = target
  const build = await nginx.build({ signal })
  const dump = await firstDump(target, { name, build }, signal)
  if (workersWrite) {
    const user = await workerUser(dump.main.user ?? build.user)
    if (user !== null) await giveToWorkers(stateDir, { user, name })
  } else await keepFromWorkers(stateDir)
  const fileOf = (generation: string): NewFile => {
    const { conf, files = [] } = render(generation, { dump, build })
    return { text: headerOf(name, generation) + conf, files, generation }
  }

  const found = await file.read()
  const last = generationOf(found)
  const isLive = last !== null && (await runningGeneration(stateDir)) === last
  if (isLive) await file.keep()
  if (last !== null && (await stands({ path: file.path, ...fileOf(last) }))) {
    if (isLive) return { outcome: 'unchanged', file: file.path, generation: last }
    if ((await nginx.master({ dump, build })) === null) {
      await removeStaleSocket(target)
      return { outcome: 'not-running', file: file.path, generation: last }
    }
  }
  const generation = newGeneration()
  const { master } = await applyFile(target, fileOf(generation), signal)
  return { outcome: master === null ? 'not-running' : 'applied', file: file.path, generation }
}

async function stands({ path, text, files = [] }: NewFile & WrittenFile): Promise<boolean> {
  const same = [{ path, text }, ...files].map(async (each) => (await readIfThere(each.path)) === each.text)
  return !(await Promise.all(same)).includes(false)
}

/** The files and the socket that go by this name, with the state folder made if it was not there. */
export async function targetOf(
  options: Pick<NginxInstallOptions, 'name' | 'command' | 'include' | 'stateDir' | 'deadlineMs'>,
): Promise<NginxTarget> {
  const { name, command, include, stateDir, deadlineMs = 10_000 } = options
  await makeStateFolder(stateDir)
  const file = createConfigFile(join(include, `baton-${name}.conf`))
  return { nginx: createNginxProcess({ command }), file, stateDir, deadlineMs }
}

/**
 * Of the configuration as it is before anything changes. What an interrupted install left behind is put right first; a
 * `proxy_pass http://<name>` that waits for its upstream is given an empty one meanwhile.
 */
async function firstDump(
  { nginx, file }: NginxTarget,
  { name, build }: { readonly name: string; readonly build: NginxBuild },
  signal: AbortSignal,
): Promise<NginxDump> {
  try {
    return await nginx.dump({ signal })
  } catch (error) {
    if (signal.aborted) throw error
    const found = await file.read()
    try {
      if ((await file.restore()) === null) await file.write(`upstream ${name} {\n    server 127.0.0.1:9 down;\n}\n`)
      const dump = await nginx.dump({ signal })
      if (found === null) await file.restore()
      return dump
    } catch (second) {
      if (found === null) await file.restore()
      else await file.write(found)
      // Where the upstream is missing though it is written, the file is not read.
      const waits = second instanceof BatonError && second.message.includes(`host not found in upstream "${name}"`)
      throw waits ? notIncluded(file.path, { files: [] }) : explainRefusal(second, { file: file.path, build })
    }
  }
}

async function assertFolder(include: string): Promise<void> {
  const found = await stat(include).catch(() => null)
  if (found?.isDirectory()) return
  throw new BatonError('include-missing', `there is no folder ${include} for nginx's configuration`, {
    hint: `set balancer.include to a folder that nginx.conf includes, or make it: mkdir -p ${include}`,
  })
}
