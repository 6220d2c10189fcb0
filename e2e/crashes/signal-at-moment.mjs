// `node --import` this before `baton`: it gets SIGNAL once, at a known moment, before it has done anything more.
// SIGNAL_AFTER says when: as soon as an entry of its journal is on disk (its number, or for example `node.stopping web-1`),
// or when it is `reading journals`, which it begins with once it has the lock. No hook in the product: what is looked at
// is what it reads and syncs.
import { readFileSync, readlinkSync } from 'node:fs'
import { open } from 'node:fs/promises'

const { SIGNAL = '', SIGNAL_AFTER = '' } = process.env
const anyFile = await open(process.execPath)
const prototype = Object.getPrototypeOf(anyFile)
await anyFile.close()
let reached = false

const { read, datasync } = prototype
/** @param {unknown[]} args */
prototype.read = async function (...args) {
  const result = await read.apply(this, args)
  if (isJournal(this.fd)) reach('reading journals')
  return result
}
prototype.datasync = async function () {
  await datasync.call(this)
  if (!isJournal(this.fd)) return
  const entries = readFileSync(`/proc/self/fd/${this.fd}`, 'utf8').trimEnd().split('\n')
  const { type, node } = JSON.parse(entries.at(-1) ?? '{}')
  reach(String(entries.length), node === undefined ? type : `${type} ${node}`)
}

/** @param {number} fd */
function isJournal(fd) {
  return readlinkSync(`/proc/self/fd/${fd}`).endsWith('.jsonl')
}

/** @param {string[]} moment its names */
function reach(...moment) {
  if (reached || !moment.includes(SIGNAL_AFTER)) return
  reached = true
  process.kill(process.pid, SIGNAL)
}
