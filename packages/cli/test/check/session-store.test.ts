import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { check, freePort, only, serve, temporaryFolder } from './rig.ts'

async function judged(store: string) {
  const results = await check({ dir: await temporaryFolder(), yaml: `sessions: { store: ${JSON.stringify(store)} }\n` })
  return only(results, 'session-store')[0]
}

function run(program: string, args: readonly string[]) {
  execFileSync(program, args, { stdio: 'ignore' })
}

function installed(program: string, argument: string): boolean {
  try {
    run(program, [argument])
    return true
  } catch {
    return false
  }
}

/** A Redis of its own, with the password `p@ss word`; resolves to its port. */
async function startRedis(): Promise<number> {
  const port = await freePort()
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--requirepass', 'p@ss word']
  const redis: ChildProcess = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'ignore'] })
  onTestFinished(async () => {
    redis.kill()
    if (redis.exitCode === null) await once(redis, 'exit')
  })
  for await (const chunk of redis.stdout!) if (String(chunk).includes('Ready to accept')) break
  return port
}

/** What answers every connection with this. */
async function saying(text: string): Promise<number> {
  const sockets = new Set<Socket>()
  onTestFinished(() => sockets.forEach((socket) => void socket.destroy()))
  return serve(
    createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {}).once('data', () => socket.write(text))
    }),
  )
}

describe('the session store', () => {
  it('is no check of its own where it is embedded', async () => {
    expect(await judged('embedded')).toBeUndefined()
  })

  it('is a problem where nobody answers, and its password is not shown', async () => {
    const result = await judged(`redis://:hunter2@127.0.0.1:${await freePort()}/0`)
    expect(result).toMatchObject({ level: 'problem', message: 'no Redis is reached (ECONNREFUSED)' })
    expect(result!.subject).toContain('***')
    expect(JSON.stringify(result)).not.toContain('hunter2')
  })

  it.each([
    ['-LOADING Redis is loading the dataset in memory\r\n', 'still loading'],
    ['HTTP/1.1 400 Bad Request\r\n\r\n', 'no Redis'],
    ["-ERR unknown command 'AUTH', with args beginning with: 'hunter2'\r\n", 'no Redis, or one that refuses us'],
  ])('is a problem where the answer is %j, and its password is not shown', async (answer, message) => {
    const result = await judged(`redis://:hunter2@127.0.0.1:${await saying(answer)}`)
    expect(result).toMatchObject({ level: 'problem', message: expect.stringContaining(message) })
    expect(JSON.stringify(result)).not.toContain('hunter2')
  })

  describe.skipIf(!installed('redis-server', '--version'))('in a real Redis', () => {
    it('is well with the right password, and a problem with a wrong one or none', async () => {
      const port = await startRedis()
      const answers = ['app:wrong@', ':wrong@', '', ':p%40ss%20word@'].map((user) =>
        judged(`redis://${user}127.0.0.1:${port}/3`),
      )
      expect((await Promise.all(answers)).map((result) => [result!.level, result!.message])).toEqual([
        ['problem', 'Redis refuses the password'],
        ['problem', 'Redis refuses the password'],
        ['problem', 'Redis asks for a password'],
        ['ok', 'Redis answers'],
      ])
    })
  })

  it.skipIf(!installed('openssl', 'version'))('is a problem where its certificate is not to be trusted', async () => {
    const dir = await temporaryFolder()
    const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
    const request = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      '/CN=127.0.0.1',
      '-keyout',
      key,
      '-out',
      cert,
    ]
    run('openssl', request)
    const port = await serve(createTlsServer({ key: await readFile(key), cert: await readFile(cert) }))
    expect(await judged(`rediss://127.0.0.1:${port}`)).toMatchObject({
      level: 'problem',
      message: expect.stringContaining('SELF_SIGNED'),
    })
  })
})
