import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { BatonError } from '@baton/core'
import { applyFile, type NginxTarget, removeStaleSocket } from './apply.ts'
import { createConfigFile } from './config-file.ts'
import type { NginxDump } from './dump.ts'
import { explainRefusal } from './explain.ts'
import { generationOf, headerOf, newGeneration, runningGeneration } from './generation.ts'
import { createNginxProcess, type NginxBuild, type NginxPlace } from './process.ts'
import { giveToWorkers, makeStateFolder, workerUser } from './state-folder.ts'

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
  /** The text below the header. It must answer `GET /v1/configuration` on `socketPath` with `{"token": generation}`. */
  readonly render: (generation: string, place: NginxRendering) => string
  /** For nginx to run with a new file. Default 10 s. */
  readonly deadlineMs?: number
}

/** What the text may depend on. */
export interface NginxRendering extends NginxPlace {
  readonly socketPath: string
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
  const { nginx, file, socketPath } = target
  const build = await nginx.build({ signal })
  const dump = await firstDump(target, build, signal)
  if (workersWrite) {
    const user = await workerUser(dump.main.user ?? build.user)
    if (user !== null) await giveToWorkers(stateDir, { user, name })
  }
  const textOf = (generation: string) =>
    headerOf(name, generation) + render(generation, { dump: othersOf(dump, file.path), build, socketPath })

  const found = await file.read()
  const last = generationOf(found)
  const isLive = last !== null && (await runningGeneration(socketPath)) === last
  if (isLive) await file.keep()
  if (last !== null && found === textOf(last)) {
    if (isLive) return { outcome: 'unchanged', file: file.path, generation: last }
    if ((await nginx.master({ dump, build })) === null) {
      await removeStaleSocket(target)
      return { outcome: 'not-running', file: file.path, generation: last }
    }
  }
  const generation = newGeneration()
  const { master } = await applyFile(target, { text: textOf(generation), generation }, signal)
  return { outcome: master === null ? 'not-running' : 'applied', file: file.path, generation }
}

/** The files and the socket that go by this name, with the state folder made if it was not there. */
export async function targetOf(
  options: Pick<NginxInstallOptions, 'name' | 'command' | 'include' | 'stateDir' | 'deadlineMs'>,
): Promise<NginxTarget> {
  const { name, command, include, stateDir, deadlineMs = 10_000 } = options
  const { socketPath } = await makeStateFolder(stateDir)
  const file = createConfigFile(join(include, `baton-${name}.conf`))
  return { nginx: createNginxProcess({ command }), file, socketPath, deadlineMs }
}

/** Of the configuration as it is before anything changes. What an interrupted install left behind is put right first. */
async function firstDump({ nginx, file }: NginxTarget, build: NginxBuild, signal: AbortSignal): Promise<NginxDump> {
  try {
    return await nginx.dump({ signal })
  } catch (error) {
    const found = await file.read()
    if (found === null) throw explainRefusal(error, { file: file.path, build })
    await file.restore()
    return await nginx.dump({ signal }).catch(async (second: unknown) => {
      await file.write(found)
      throw explainRefusal(second, { file: file.path, build })
    })
  }
}

function othersOf(dump: NginxDump, path: string): NginxDump {
  return { ...dump, files: dump.files.filter((file) => file.path !== path) }
}

async function assertFolder(include: string): Promise<void> {
  const found = await stat(include).catch(() => null)
  if (found?.isDirectory()) return
  throw new BatonError('include-missing', `there is no folder ${include} for nginx's configuration`, {
    hint: `set balancer.include to a folder that nginx.conf includes, or make it: mkdir -p ${include}`,
  })
}
