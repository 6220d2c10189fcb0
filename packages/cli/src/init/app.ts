import { readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { isFile } from './files.ts'
import { findStart } from './start.ts'

/** The app of a folder, as far as it can be told from outside. */
export interface App {
  readonly name: string
  /** A directory, relative to the folder. */
  readonly source: string
  /** As it may stand in baton.yaml. */
  readonly command: string
  readonly env: Readonly<Record<string, string>>
  readonly recognised: readonly string[]
}

export interface PackageJson {
  readonly name?: string
  readonly main?: string
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies: readonly string[]
}

const frameworks = ['express', 'fastify', 'koa', 'hono', '@hapi/hapi', '@nestjs/core', 'next', 'nuxt']

export async function recogniseApp(dir: string): Promise<App> {
  const found = await readPackageJson(dir)
  const pkg = typeof found === 'object' ? found : undefined
  const start = await findStart(dir, pkg)
  const used = frameworks.filter((name) => pkg?.dependencies.includes(name))
  return {
    name: sanitise(pkg?.name) ?? sanitise(basename(resolve(dir))) ?? 'app',
    source: start.source,
    command: start.command,
    env: start.env,
    recognised: [
      ...(typeof found === 'string' ? [found] : []),
      ...(pkg ? [`an npm app${used.length > 0 ? ` with ${used.join(', ')}` : ''}`] : []),
      ...start.recognised,
    ],
  }
}

/** The package.json of the folder; a line for people where it is not to be understood, undefined where there is none. */
async function readPackageJson(dir: string): Promise<PackageJson | string | undefined> {
  const file = join(dir, 'package.json')
  if (!(await isFile(file))) return undefined
  let json: unknown
  try {
    json = JSON.parse(await readFile(file, 'utf8'))
  } catch {
    return 'a package.json that is no JSON: left aside'
  }
  const { name, main, scripts, dependencies } = asObject(json)
  const commands = Object.entries(asObject(scripts)).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return {
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof main === 'string' ? { main } : {}),
    scripts: Object.fromEntries(commands),
    dependencies: Object.keys(asObject(dependencies)),
  }
}

/** `@scope/My_App` is `my-app`. */
function sanitise(name: string | undefined): string | undefined {
  const plain = (name ?? '')
    .replace(/^@[^/]*\//, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '')
  return plain === '' ? undefined : plain
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
