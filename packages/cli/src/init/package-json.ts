import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isFile } from './files.ts'

export interface PackageJson {
  readonly name?: string
  readonly main?: string
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies: readonly string[]
}

/** The package.json of the folder; a line for people where it is not to be understood, undefined where there is none. */
export async function readPackageJson(dir: string): Promise<PackageJson | string | undefined> {
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

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
