import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { createTcpProbe } from '../../src/probes/tcp-probe.ts'
import { describeProbeContract, silentServer } from './probe-contract.ts'

const never = new AbortController().signal

describeProbeContract('the TCP probe', { probe: createTcpProbe, serve: silentServer })

test('a port that takes no more connections is not healthy', async () => {
  const source = `require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () {
    console.log(this.address().port)
  })`
  const child = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'inherit'] })
  const waiting: Socket[] = []
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const port = Number(line)
    child.kill('SIGSTOP')
    // A stopped process accepts nothing: its queue fills, and further connections wait.
    for (let index = 0; index < 8; index++) waiting.push(connect({ host: '127.0.0.1', port }).on('error', () => {}))
    const result = await createTcpProbe({ host: '127.0.0.1', port, timeoutMs: 300 }).check(never)
    expect(result).toEqual({ healthy: false, reason: 'no connection within 300 ms', release: null })
  } finally {
    for (const socket of waiting) socket.destroy()
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
})
