import { writeSync } from 'node:fs'
import { argv } from 'node:process'
import { createFileJournals } from '../../src/journals/file-journals.ts'
import { eventOf } from './events.ts'

/** Appends to a journal until it is killed, and reports each event once it is on disk. */
const [dir, deploy, token] = argv.slice(2) as [string, string, string]
const journals = createFileJournals({ dir })
const journal = await journals.open(deploy, Number(token))
const history = await journals.read(deploy).catch(() => [])
for (let seq = history.length + 1; ; seq++) {
  await journal.append(eventOf(deploy, seq))
  writeSync(1, `${seq}\n`)
}
