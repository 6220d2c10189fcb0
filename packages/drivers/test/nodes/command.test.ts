import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BatonError, type CommandAppConfig } from '@baton/core'
import { describe, expect, it } from 'vitest'
import { createCommandNode } from '../../src/nodes/command/node.ts'
import { createLocalShell } from '../../src/shells/local/shell.ts'
import { ask, eventually, freePort, makeRelease } from './apps.ts'
import { describeNodeContract, type NodeRig } from './node-contract.ts'

/** Start and stop scripts as people write them: a daemon, its pid in a file. */
const control = `#!/bin/sh
alive() { [ -f app.pid ] && kill -0 "$(cut -d' ' -f1 app.pid)" 2>/dev/null; }
case $1 in
  start) alive && exit 0; cd "$2" && node server.js & echo "$! $BATON_RELEASE" > app.pid ;;
  stop) alive || exit 0; kill "$(cut -d' ' -f1 app.pid)"; while alive; do sleep 0.05; done ;;
  release) if alive; then cut -d' ' -f2 app.pid; fi ;;
esac
`

async function makeRig(changes: Partial<CommandAppConfig> = {}): Promise<NodeRig> {
  const dir = await mkdtemp(join(tmpdir(), 'baton-command-'))
  await writeFile(join(dir, 'control'), control)
  await chmod(join(dir, 'control'), 0o755)
  const port = await freePort()
  const nodeDir = join(dir, '.baton', 'nodes', 'web-1')
  let newest = 0
  const app: CommandAppConfig = {
    driver: 'command',
    activate: null,
    start: ['./control', 'start', '{releaseDir}'],
    stop: ['./control', 'stop'],
    release: ['./control', 'release'],
    env: { GREETING: 'hello' },
    stopTimeoutMs: 5000,
    ...changes,
  }
  const node = createCommandNode({
    id: 'web-1',
    address: { host: '127.0.0.1', port },
    app,
    dir: nodeDir,
    cwd: dir,
    shell: createLocalShell(),
    async assertHeld(token) {
      if (token < newest) throw new BatonError('stale-token', 'outdated')
      newest = token
    },
  })
  return {
    node,
    dir,
    nodeDir,
    port,
    call: (token = 1) => ({ token, signal: AbortSignal.timeout(20_000) }),
    async remove() {
      await createLocalShell().run(['./control', 'stop'], { cwd: dir, signal: AbortSignal.timeout(10_000) })
      await rm(dir, { recursive: true, force: true })
    },
  }
}

describeNodeContract('command', makeRig)

describe('the commands of a command node', () => {
  it('get what the node is in place of the words in braces, and other braces as they are', async () => {
    const rig = await makeRig({
      activate: [
        'sh',
        '-c',
        'printf "%s\\n" "$@" > args',
        'sh',
        '{node}',
        '{host}:{port}',
        'r={release}',
        '{releaseDir}',
        '{{.Names}}',
        '$(id)',
      ],
    })
    await rig.node.stage(await makeRelease(rig.dir, 'v1'), rig.call())
    await rig.node.activate('v1', rig.call())
    const { stdout } = await createLocalShell().run(['cat', 'args'], { cwd: rig.dir, signal: rig.call().signal })
    expect(stdout.trim().split('\n')).toEqual([
      'web-1',
      `127.0.0.1:${rig.port}`,
      'r=v1',
      join(rig.nodeDir, 'releases', 'v1'),
      '{{.Names}}',
      '$(id)',
    ])
    await rig.remove()
  })

  it('that fail are told with their last lines', async () => {
    const rig = await makeRig({ start: ['sh', '-c', 'echo out; echo no such unit >&2; exit 5'] })
    await expect(rig.node.start(rig.call())).rejects.toMatchObject({
      code: 'command-failed',
      message: expect.stringContaining('exited with code 5'),
      log: ['out', 'no such unit'],
    })
    await rig.remove()
  })

  it('that stop for longer than the app is given are ended', async () => {
    const rig = await makeRig({ stop: ['sleep', '60'], stopTimeoutMs: 200 })
    await expect(rig.node.stop(rig.call())).rejects.toMatchObject({ code: 'command-timeout' })
    await rig.remove()
  })

  it('leave it unknown what runs when none of them tells', async () => {
    const rig = await makeRig({ release: null })
    await rig.node.stage(await makeRelease(rig.dir, 'v1'), rig.call())
    await rig.node.activate('v1', rig.call())
    await rig.node.start(rig.call())
    await eventually(() => ask(rig.port))
    expect(await rig.node.inspect(rig.call())).toMatchObject({ process: 'unknown', running: null, current: 'v1' })
    await rig.remove()
  })
})
