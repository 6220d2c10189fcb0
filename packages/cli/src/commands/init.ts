import { basename, dirname, resolve } from 'node:path'
import { writeInitialConfig } from '../init/index.ts'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'

/** `baton init` */
export async function init(flags: CommonOptions & { readonly force: boolean }, terminal: Terminal): Promise<number> {
  const file = resolve(flags.config)
  const written = await writeInitialConfig({ dir: dirname(file), name: basename(file), force: flags.force })
  if (flags.json) {
    terminal.out(JSON.stringify(written))
    return 0
  }
  for (const line of written.recognised) terminal.out(line)
  terminal.out(`wrote ${written.file}`)
  terminal.out('next: read it, then `baton check` and `baton up`')
  return 0
}
