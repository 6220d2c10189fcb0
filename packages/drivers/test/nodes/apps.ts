import { readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Release } from '@baton/core'
import { describeRelease } from '../../src/releases/describe.ts'

/** A small real web app: says who it is, and what its own folder holds. Its lines tell of its life. */
export const webApp = `
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
const version = readFileSync('version.txt', 'utf8')
const { HOST, PORT, BATON_NODE, BATON_RELEASE, BATON_SESSION_STORE, BATON_SESSION_NAMESPACE, BATON_SHARED, GREETING, BATON_LEAK, npm_leak } = process.env
createServer((request, response) => {
  if (request.url === '/crash') process.exit(7)
  if (request.url === '/abort') process.abort()
  response.setHeader('Connection', 'close')
  response.end(JSON.stringify({
    version, pid: process.pid, cwd: process.cwd(), HOST, PORT, BATON_NODE, BATON_RELEASE, BATON_SESSION_STORE, BATON_SESSION_NAMESPACE,
    BATON_SHARED, GREETING, BATON_LEAK, npm_leak,
  }))
}).listen(PORT, HOST, () => console.log('listening with ' + version))
`

export interface AppAnswer {
  readonly version: string
  readonly pid: number
  readonly cwd: string
  readonly [name: string]: unknown
}

/** Writes a source folder of the app and describes it. */
export async function makeRelease(dir: string, id: string, server = webApp): Promise<Release> {
  const source = join(dir, `source-${id}`)
  await rm(source, { recursive: true, force: true })
  await mkdir(source, { recursive: true })
  await writeFile(join(source, 'package.json'), '{"type":"module"}')
  await writeFile(join(source, 'server.js'), server)
  await writeFile(join(source, 'version.txt'), id)
  return describeRelease(source, { id, at: new Date() })
}

/** What the app on this port answers; null where the connection is refused. */
export async function ask(port: number, path = '/'): Promise<AppAnswer | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    return (await response.json()) as AppAnswer
  } catch {
    return null
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Waits until `probe` finds something: neither null nor undefined nor false. */
export async function eventually<T>(
  probe: () => Promise<T | null | undefined | false> | T | null | undefined | false,
): Promise<T> {
  const deadline = Date.now() + 20_000
  for (;;) {
    const found = await probe()
    if (found !== null && found !== undefined && found !== false) return found
    if (Date.now() > deadline) throw new Error(`not within 20 s: ${probe}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** False for what has ended too where nobody reaps it: a container may have no init that does. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    return syscall === 'open' && code === 'ENOENT' && process.platform !== 'linux'
  }
}
