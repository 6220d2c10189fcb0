import { accessSync, constants, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { BatonError } from '@baton/core'
import { repository } from './repository.ts'

/** Real servers and tools that tests start where they are installed; servers.json knows their Debian packages. */
export type ServerName = 'nginx' | 'haproxy' | 'redis-server' | 'tomcat' | 'chromium' | 'caddy' | 'wrk'

/** As much of a vitest test's context as is needed to skip the test. */
export interface SkippableTest {
  readonly task: { readonly meta: object }
  skip(note?: string): never
}

/** Absolute path of the server's program, or null where it is not installed. */
export function findServer(name: ServerName): string | null {
  // Debian keeps servers in sbin, which is not on every user's path.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin']
  const candidates = knownServers()[name].commands.flatMap((command) =>
    command.startsWith('/') ? [command] : folders.map((folder) => join(folder, command)),
  )
  return candidates.find(isProgram) ?? null
}

/** What a person types to get it. */
export function installCommand(name: ServerName): string {
  return `sudo apt-get install ${knownServers()[name].package}`
}

/**
 * Resolves to the server's program. Where it is missing the test is skipped with the command that installs it; in CI,
 * where nothing may be left out unseen, it fails with `server-missing`.
 */
export function needServer(name: ServerName, test: SkippableTest): string {
  const program = findServer(name)
  if (program !== null) return program
  const reason = `${name} is not installed: ${installCommand(name)}`
  if (process.env.CI) throw new BatonError('server-missing', reason)
  // `npm test` lists it from the report, which leaves the note out.
  Object.assign(test.task.meta, { skipReason: reason })
  return test.skip(reason)
}

interface KnownServer {
  readonly commands: readonly string[]
  readonly package: string
}

function knownServers(): Readonly<Record<ServerName, KnownServer>> {
  return JSON.parse(readFileSync(join(repository, 'packages/testkit/servers.json'), 'utf8'))
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
