import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { freePorts, startSite, tempDir } from '@baton/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { openRig } from '../rig.ts'

test('a balancer that has other nodes than baton.yaml is not deployed behind: one would be drained and another stopped', {
  timeout: 90_000,
}, async () => {
  const rig = await openRig({ nodes: 2 })
  onTestFinished(rig.remove)
  const file = join(rig.folder, 'baton.yaml')
  const text = await readFile(file, 'utf8')
  const [first = 0, second = 0] = rig.ports
  const swapped = text.replace(/\d+/g, (number) => ({ [first]: `${second}`, [second]: `${first}` })[number] ?? number)
  expect(swapped).not.toBe(text)
  await writeFile(file, swapped)

  for (const verb of ['plan', 'deploy']) {
    const { exitCode, stderr } = await rig.run(verb)
    expect({ verb, exitCode }).toEqual({ verb, exitCode: 1 })
    expect(stderr).toContain(`web-1 is at 127.0.0.1:${first} and not at 127.0.0.1:${second}`)
    expect(stderr).toContain('run baton up again')
  }
  await writeFile(file, text)
  expect(await rig.run('deploy')).toMatchObject({ exitCode: 0 })
})

test('the first baton up leaves apps alone that something else runs and that answer', { timeout: 60_000 }, async () => {
  const apps = [createServer((_, response) => response.end('ok')), createServer((_, response) => response.end('ok'))]
  for (const app of apps) {
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void app.close())
  }
  const ports = apps.map((app) => (app.address() as AddressInfo).port)
  const [listen = 0] = await freePorts(1)
  const dir = await tempDir()
  onTestFinished(dir.remove)
  await writeFile(
    join(dir.path, 'baton.yaml'),
    `name: shop
release: { source: ./release }
balancer: { listen: 127.0.0.1:${listen} }
app: { driver: command, stop: sh -c "echo stopped >> ${dir.path}/done", start: sh -c "echo started >> ${dir.path}/done" }
nodes:
${ports.map((port, index) => `  web-${index + 1}: { address: 127.0.0.1:${port} }`).join('\n')}
`,
  )
  const site = startSite(dir.path)
  onTestFinished(site.stop)
  await site.ready()

  expect((await site.run('history', '--json')).stdout).toBe('')
  await expect(readFile(join(dir.path, 'done'))).rejects.toMatchObject({ code: 'ENOENT' })
  expect(await (await fetch(`http://127.0.0.1:${listen}/`)).text()).toBe('ok')
})
