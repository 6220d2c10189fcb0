import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { nodesToStart } from '../../src/admin/control.ts'
import { type ProxyState, readState, sweepTemporaries, writeState } from '../../src/state/state-file.ts'
import { temporaryFolder } from '../support/folder.ts'

const state: ProxyState = {
  fence: 7,
  nodes: new Map([
    ['web-1', { admin: 'out', weight: 10, configuredWeight: 10 }],
    ['web-2', { admin: 'in', weight: 3, configuredWeight: 10 }],
  ]),
}

it('comes back as it was written, in a file for its owner only', async () => {
  const path = join(await temporaryFolder(), 'state.json')
  await writeState(path, state)
  expect(await readState(path)).toEqual(state)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ version: 1, fence: 7 })
})

it('is empty where there is no file yet', async () => {
  expect(await readState(join(await temporaryFolder(), 'state.json'))).toEqual({ fence: 0, nodes: new Map() })
})

describe('a damaged file', () => {
  it.each([
    ['', 'it is not JSON'],
    ['{"version":1,"fence":3,"nod', 'it is not JSON'],
    ['[]', 'it is not an object'],
    ['{"version":2,"fence":0,"nodes":{}}', 'its version is 2'],
    ['{"version":1,"fence":-1,"nodes":{}}', '`fence`'],
    ['{"version":1,"fence":0}', '`nodes`'],
    ['{"version":1,"fence":0,"nodes":{"a":1}}', '`nodes.a`'],
    ['{"version":1,"fence":0,"nodes":{"a":{"admin":"drain","weight":1,"configuredWeight":1}}}', '`nodes.a.admin`'],
    ['{"version":1,"fence":0,"nodes":{"a":{"admin":"in","weight":0,"configuredWeight":1}}}', '`nodes.a.weight`'],
    ['{"version":1,"fence":0,"nodes":{"a":{"admin":"in","weight":1}}}', '`nodes.a.configuredWeight`'],
  ])('%s is refused, by name and with what to do', async (text, what) => {
    const path = join(await temporaryFolder(), 'state.json')
    await writeFile(path, text)
    const error = await readState(path).catch((error) => error)
    expect(error.code).toBe('state-damaged')
    expect(error.message).toContain(path)
    expect(error.message).toContain(what)
    expect(error.message).toContain('repair it, or delete it')
  })
})

it('says that nothing was changed where it cannot be written', async () => {
  const folder = await temporaryFolder()
  const path = join(folder, 'missing', 'state.json')
  await expect(writeState(path, state)).rejects.toMatchObject({ code: 'state-unwritable' })
  await mkdir(path, { recursive: true })
  await expect(writeState(path, state)).rejects.toThrow('nothing was changed')
  await chmod(path, 0o700)
})

it('is whole whenever its writer is killed', { timeout: 60_000 }, async () => {
  const folder = await temporaryFolder()
  const path = join(folder, 'state.json')
  const module = fileURLToPath(new URL('../../dist/state/state-file.js', import.meta.url))
  const program = `
    const { writeState } = await import(process.argv[1])
    for (let fence = 1; ; fence++) {
      const node = { admin: 'out', weight: fence, configuredWeight: fence }
      const nodes = new Map(Array.from({ length: 1 + (fence * 37) % 400 }, (_, i) => ['node-' + i, node]))
      await writeState(process.argv[2], { fence, nodes })
      if (fence === 1) process.stdout.write('writing')
    }`
  for (let round = 0; round < 15; round++) {
    const writer = spawn(process.execPath, ['--input-type=module', '-e', program, module, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(writer.stdout, 'data')
    await sleep(Math.random() * 40)
    writer.kill('SIGKILL')
    await once(writer, 'exit')
    const seen = await readState(path)
    expect(seen.nodes.size).toBe(1 + ((seen.fence * 37) % 400))
    expect([...seen.nodes.values()].every((node) => node.weight === seen.fence)).toBe(true)
  }
  await sweepTemporaries(path)
  expect(await readdir(folder)).toEqual(['state.json'])
})

it('brings nodes back as they were: out stays out, new ones are in, an edited weight outranks a saved one', () => {
  const configured = (weights: Readonly<Record<string, number>>) =>
    Object.entries(weights).map(([id, weight]) => ({ id, host: 'h', port: 1, weight }))
  expect(nodesToStart(configured({ 'web-1': 10, 'web-2': 10, 'web-3': 5 }), state)).toMatchObject([
    { id: 'web-1', admin: 'out', weight: 10 },
    { id: 'web-2', admin: 'in', weight: 3 },
    { id: 'web-3', admin: 'in', weight: 5 },
  ])
  expect(nodesToStart(configured({ 'web-1': 20, 'web-2': 20 }), state)).toMatchObject([
    { id: 'web-1', admin: 'out', weight: 20 },
    { id: 'web-2', admin: 'in', weight: 20 },
  ])
})
