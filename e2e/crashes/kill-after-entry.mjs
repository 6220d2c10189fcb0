// `node --import` this before `baton`: kill -9 as soon as entry number KILL_AFTER_ENTRY of a journal is on disk, before the
// process has done anything more. No hook in the product: what is counted are the syncs of the journal's file.
import { readlinkSync } from 'node:fs'
import { open } from 'node:fs/promises'

const wanted = Number(process.env.KILL_AFTER_ENTRY)
const anyFile = await open(process.execPath)
const prototype = Object.getPrototypeOf(anyFile)
await anyFile.close()

const { datasync } = prototype
let entries = 0
prototype.datasync = async function () {
  await datasync.call(this)
  if (!readlinkSync(`/proc/self/fd/${this.fd}`).endsWith('.jsonl')) return
  entries += 1
  if (entries === wanted) process.kill(process.pid, 'SIGKILL')
}
