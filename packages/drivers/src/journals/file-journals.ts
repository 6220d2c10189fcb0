import type { Stats } from 'node:fs'
import { mkdir, open, readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BatonError, type Journals } from '@baton/core'
import { syncPath } from '../durable.ts'
import { createHistory } from './history.ts'
import { openJournalFile } from './journal-file.ts'

export interface FileJournalsOptions {
  /** Absolute path; made, readable by its owner alone, when the first journal is opened. */
  readonly dir: string
}

/**
 * Journals as files: `<dir>/<deploy>.jsonl`, mode 0600, one event a line together with its writer's token.
 *
 * Fails with `deploy-id-invalid`, `deploy-unknown`, or `journal-damaged` (anything but a torn last line).
 */
export function createFileJournals({ dir }: FileJournalsOptions): Journals {
  return {
    async list() {
      const starts = await Promise.all((await namesIn(dir)).map(async (deploy) => startOf(fileOf(dir, deploy), deploy)))
      return starts
        .filter((start) => start !== null)
        .sort((a, b) => compare(a.at, b.at) || compare(a.deploy, b.deploy))
        .map((start) => start.deploy)
    },

    async read(deploy) {
      const path = fileOf(dir, deploy)
      const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error
        throw new BatonError('deploy-unknown', `there is no deploy ${deploy} in ${dir}`, { hint: 'baton history' })
      })
      return createHistory({ path, deploy }).push(bytes)
    },

    async open(deploy, token) {
      const path = fileOf(dir, deploy)
      const made = await mkdir(dir, { recursive: true, mode: 0o700 })
      if (made !== undefined) await syncPath(dirname(made))
      return openJournalFile({ path, deploy, token })
    },
  }
}

const SUFFIX = '.jsonl'
const DEPLOY_ID = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/

function fileOf(dir: string, deploy: string): string {
  if (DEPLOY_ID.test(deploy)) return join(dir, `${deploy}${SUFFIX}`)
  throw new BatonError('deploy-id-invalid', `${JSON.stringify(deploy)} cannot be the id of a deploy`, {
    hint: 'use letters, digits and . _ + - only; baton history lists the deploys there are',
  })
}

async function namesIn(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => name.slice(0, -SUFFIX.length))
    .filter((deploy) => DEPLOY_ID.test(deploy))
}

/** null where nothing was ever announced: the first line is not complete. */
async function startOf(path: string, deploy: string): Promise<{ deploy: string; at: string } | null> {
  const file = await open(path)
  try {
    const line = await firstLine(file)
    return line === null ? null : { deploy, at: timeIn(line) ?? changeTime(await file.stat()) }
  } finally {
    await file.close()
  }
}

async function firstLine(file: Awaited<ReturnType<typeof open>>): Promise<string | null> {
  const chunks: Buffer[] = []
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(16_384), 0, 16_384, null)
    if (bytesRead === 0) return null
    const end = buffer.subarray(0, bytesRead).indexOf(0x0a)
    chunks.push(buffer.subarray(0, end === -1 ? bytesRead : end))
    if (end !== -1) return Buffer.concat(chunks).toString('utf8')
  }
}

/** null for a damaged line: the deploy stays in the list, and `read` tells what is wrong with it. */
function timeIn(line: string): string | null {
  try {
    const { at } = JSON.parse(line) as { at?: unknown }
    return typeof at === 'string' ? at : null
  } catch {
    return null
  }
}

function changeTime(stats: Stats): string {
  return stats.mtime.toISOString()
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
