// What is built from sources of ours, and put where others may be reading it.
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Whether all that was built is there, and newer than all that it is made of: files, or folders with whatever is in them.
 *
 * @param {readonly string[]} built
 * @param {readonly string[]} sources
 */
export function isUpToDate(built, sources) {
  const builtAtMs = Math.min(...built.map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0))
  return builtAtMs > Math.max(...sources.map(changedAtMs))
}

/** The folders themselves included: what is deleted counts as well. @param {string} path @returns {number} */
function changedAtMs(path) {
  const found = statSync(path)
  if (!found.isDirectory()) return found.mtimeMs
  return Math.max(found.mtimeMs, ...readdirSync(path).map((name) => changedAtMs(join(path, name))))
}

/**
 * Makes these the files of a folder, each by a rename and in their order, as somebody may be reading the old ones; what
 * else is there goes.
 *
 * @param {string} folder
 * @param {ReadonlyMap<string, string | Uint8Array>} files by name
 * @param {Date} at when their sources were read: what was changed since then is newer
 */
export function publish(folder, files, at) {
  mkdirSync(folder, { recursive: true })
  for (const [name, content] of files) {
    const fresh = join(folder, `.${name}.${process.pid}`)
    writeFileSync(fresh, content)
    utimesSync(fresh, at, at)
    renameSync(fresh, join(folder, name))
  }
  const others = readdirSync(folder).filter((name) => !files.has(name) && !name.startsWith('.'))
  for (const name of others) rmSync(join(folder, name))
}
