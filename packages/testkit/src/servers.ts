import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { BatonError } from '@baton/core'

/** The real servers and tools that are started where they are installed, with Debian's packages of them. */
const servers = {
  nginx: { commands: ['nginx'], package: 'nginx-light', for: ['test', 'bench', 'tomcat'] },
  'nginx-lua': {
    commands: ['/usr/lib/nginx/modules/ngx_http_lua_module.so'],
    package: 'libnginx-mod-http-lua',
    for: ['test', 'bench', 'tomcat'],
  },
  luacheck: { commands: ['luacheck'], package: 'lua-check', for: ['check'] },
  haproxy: { commands: ['haproxy'], package: 'haproxy', for: ['test', 'bench'] },
  'redis-server': { commands: ['redis-server'], package: 'redis-server', for: ['test', 'bench', 'tomcat'] },
  openssl: { commands: ['openssl'], package: 'openssl', for: ['test'] },
  tomcat: { commands: ['/usr/share/tomcat10/bin/catalina.sh'], package: 'tomcat10', for: ['test', 'tomcat'] },
  javac: { commands: ['javac'], package: 'default-jdk-headless', for: ['test', 'tomcat'] },
  maven: { commands: ['mvn'], package: 'maven', for: ['test', 'tomcat'] },
  chromium: { commands: ['chromium', 'chromium-browser', 'google-chrome'], package: 'chromium', for: [] },
  caddy: { commands: ['caddy'], package: 'caddy', for: ['bench'] },
  wrk: { commands: ['wrk'], package: 'wrk', for: ['test', 'bench'] },
} satisfies Record<string, KnownServer>

interface KnownServer {
  /** Names of the program, or the absolute path of it or of a module. */
  readonly commands: readonly string[]
  readonly package: string
  /** What `npm test`, `npm run check`, `npm run bench` and `npm run demo -- --tomcat` install by themselves, where they may. */
  readonly for: readonly ServerUse[]
}

export type ServerName = keyof typeof servers
export type ServerUse = 'test' | 'check' | 'bench' | 'tomcat'

/** As much of a vitest test's context as is needed to skip the test. */
export interface SkippableTest {
  readonly task: { readonly meta: object }
  skip(note?: string): never
}

/** Absolute path of the server's program, or null where it is not installed. */
export function findServer(name: ServerName): string | null {
  // Debian keeps servers in sbin, which is not on every user's path.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin']
  const candidates = servers[name].commands.flatMap((command) =>
    command.startsWith('/') ? [command] : folders.map((folder) => join(folder, command)),
  )
  return candidates.find(isProgram) ?? null
}

/** What a person types to get them. */
export function installCommand(...names: readonly ServerName[]): string {
  return `sudo apt-get install ${names.map((name) => servers[name].package).join(' ')}`
}

/** Debian's packages of the servers that are wanted for this and not installed. */
export function missingPackages(use: ServerUse): string[] {
  const wanted = Object.entries<KnownServer>(servers).filter(([, server]) => server.for.includes(use))
  return wanted.filter(([name]) => findServer(name as ServerName) === null).map(([, server]) => server.package)
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

function isProgram(path: string): boolean {
  try {
    // A module is loaded, not run.
    accessSync(path, path.endsWith('.so') ? constants.R_OK : constants.X_OK)
    return true
  } catch {
    return false
  }
}
