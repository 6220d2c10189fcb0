/** The balancer's process: `node main.js <config.json> [--inherit] [--replace]`. */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { ProxyError, systemCode } from './errors.ts'
import { type ProxyConfig, parseProxyConfig } from './process/config.ts'
import type { SocketHandle } from './process/listening-socket.ts'
import { startProxy } from './process/proxy.ts'
import type { StartReport } from './process/spawn.ts'

const patienceMs = 10_000

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { inherit: { type: 'boolean', default: false }, replace: { type: 'boolean', default: false } },
  })
  const config = await readConfig(positionals[0])
  const listening = values.inherit ? { listening: await inheritSocket() } : {}
  const proxy = await startProxy(config, { ...listening, replace: values.replace, log })
  process.on('SIGTERM', () => proxy.stop())
  process.on('SIGINT', () => proxy.stop())
  // The terminal it was started from may go away.
  process.on('SIGHUP', () => {})
  report({ type: 'ready', address: proxy.address })
  await proxy.stopped
  log('stopped')
  process.exit(0)
} catch (error) {
  const { code, message } = error instanceof ProxyError ? error : { code: 'unexpected', message: String(error) }
  log(error instanceof ProxyError || !(error instanceof Error) ? message : (error.stack ?? message))
  report({ type: 'failed', code, message }, () => process.exit(1))
}

async function readConfig(path: string | undefined): Promise<ProxyConfig> {
  if (path === undefined) throw new ProxyError('config-invalid', 'usage: node main.js <config.json>')
  try {
    return parseProxyConfig(JSON.parse(await readFile(path, 'utf8')), path)
  } catch (error) {
    if (error instanceof ProxyError) throw error
    const what = systemCode(error) ?? (error instanceof Error ? error.message : String(error))
    throw new ProxyError(
      'config-invalid',
      `cannot read the balancer's configuration ${path} (${what}): correct it`,
      error,
    )
  }
}

/** The listening socket, from the process that has started this one. */
function inheritSocket(): Promise<SocketHandle> {
  return new Promise((resolve, reject) => {
    const missing = (): void =>
      reject(new ProxyError('no-socket', '--inherit is for "baton up", which hands over the socket: leave it out'))
    if (!process.connected) return missing()
    const deadline = setTimeout(missing, patienceMs)
    process.once('message', (_message: unknown, handle: unknown) => {
      clearTimeout(deadline)
      if (handle === undefined) missing()
      else resolve(handle as SocketHandle)
    })
  })
}

/** To the keeper, where there is one. */
function report(message: StartReport, then: () => void = () => {}): void {
  if (process.connected) process.send?.(message, then)
  else then()
}

function log(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${line}\n`)
}
