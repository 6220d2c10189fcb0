import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repository } from '@baton/testkit'
import { shopRelease } from '../rig.ts'

/** What the nodes of these stories run: a program of the release itself, so that a release can lack it. */
export const command = './start'

/** Secrets of the configuration, as broken apps print them. */
export const secrets = {
  API_TOKEN: 'tok-4711-hush',
  MIRROR: 'redis://:mirror-hush@127.0.0.1:6399/1',
  SIGNING_KEY: 'begin of key\nkey-line-hush\nend of key',
}
export const secretWords = ['tok-4711-hush', 'mirror-hush', 'key-line-hush']

export interface ReleaseFiles {
  /** What ./start runs; null: there is no ./start. */
  readonly start: string | null
  /** Without it, the release has no app but the files of `faults`. */
  readonly shop?: 'v1' | 'v2'
}

/** A folder to release; its name is told apart from others by `name`. */
export async function writeRelease(parent: string, name: string, { start, shop }: ReleaseFiles): Promise<string> {
  const folder = join(parent, name)
  await mkdir(folder)
  await cp(join(repository, 'e2e/releases/faults'), folder, { recursive: true })
  if (shop !== undefined) await cp(shopRelease(shop), folder, { recursive: true })
  if (start !== null) await writeFile(join(folder, 'start'), `#!/bin/sh\nexec ${start}\n`, { mode: 0o755 })
  return folder
}
