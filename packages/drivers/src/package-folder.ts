import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of this package, with `lua/` and `java/` in it: found by name, because this code runs from the command line's bundle as well. */
export function packageFolder(): string {
  return dirname(fileURLToPath(import.meta.resolve('@baton/drivers/package.json')))
}
