import { basename, resolve } from 'node:path'
import { readPackageJson } from './package-json.ts'
import { findStart, type Start } from './start.ts'

/** The app of a folder, as far as it can be told from outside. */
export interface App extends Start {
  readonly name: string
}

const frameworks = ['express', 'fastify', 'koa', 'hono', '@hapi/hapi', '@nestjs/core', 'next', 'nuxt']

export async function recogniseApp(dir: string): Promise<App> {
  const found = await readPackageJson(dir)
  const pkg = typeof found === 'object' ? found : undefined
  const start = await findStart(dir, pkg)
  const used = frameworks.filter((name) => pkg?.dependencies.includes(name))
  return {
    name: sanitise(pkg?.name) ?? sanitise(basename(resolve(dir))) ?? 'app',
    ...start,
    recognised: [
      ...(typeof found === 'string' ? [found] : []),
      ...(pkg ? [`an npm app${used.length > 0 ? ` with ${used.join(', ')}` : ''}`] : []),
      ...start.recognised,
    ],
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
