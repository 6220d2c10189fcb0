import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { BatonError, type Release } from '@baton/core'

/** What Tomcat runs of a release: a `.war`, or a folder as a `.war` unpacks to. */
export interface Webapp {
  readonly path: string
  readonly kind: 'war' | 'folder'
}

/** The web application in a release's folder. Fails with `release-no-webapp`. */
export async function findWebapp(dir: string): Promise<Webapp> {
  const names = await readdir(dir)
  if (names.includes('WEB-INF') && (await stat(join(dir, 'WEB-INF'))).isDirectory())
    return { path: dir, kind: 'folder' }
  const wars = names.filter((name) => /\.war$/i.test(name))
  const [war] = wars
  if (war !== undefined && wars.length === 1) return { path: join(dir, war), kind: 'war' }
  throw noWebapp(wars.length > 1 ? `${wars.length} .war files` : 'neither a .war nor a folder WEB-INF')
}

/** As `findWebapp`, as far as it can be told before anything is unpacked. */
export async function assertWebapp({ source, kind }: Release): Promise<void> {
  if (kind === 'directory') await findWebapp(source)
  if (kind === 'file' && !/\.war$/i.test(source)) throw noWebapp(`${source}, which is no .war`)
}

function noWebapp(found: string): BatonError {
  return new BatonError('release-no-webapp', `Tomcat runs web applications, and this release holds ${found}`, {
    hint: 'name the .war in release.source, or a folder with WEB-INF in it',
  })
}
