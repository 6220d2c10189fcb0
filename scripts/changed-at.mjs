import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Of a file, or of whatever is in a folder, the folders themselves included: what is deleted counts as well. @param {string} path @returns {number} */
export function changedAtMs(path) {
  const found = statSync(path)
  if (!found.isDirectory()) return found.mtimeMs
  return Math.max(found.mtimeMs, ...readdirSync(path).map((name) => changedAtMs(join(path, name))))
}
