import { join } from 'node:path'
import { BatonError } from '@baton/core'

/** Where things lie in a Tomcat node's folder, beside its releases. */
export interface TomcatLayout {
  /** CATALINA_BASE. All of it is made by Baton, and made anew. */
  readonly base: string
  readonly pidFile: string
  readonly log: string
  readonly recordFile: string
  readonly lockDir: string
}

export function tomcatLayout(nodeDir: string): TomcatLayout {
  const base = join(nodeDir, 'base')
  return {
    base,
    pidFile: join(base, 'tomcat.pid'),
    log: join(base, 'logs', 'catalina.out'),
    recordFile: join(nodeDir, 'tomcat.json'),
    lockDir: join(nodeDir, 'lock'),
  }
}

/** catalina.sh puts its folders into double quotes and evaluates them; Java splits its class path at colons. */
const harmful = /["$`\\:\p{Cc}]/u

/** Fails with `tomcat-path-unusable` where catalina.sh would misread the path. */
export function assertUsable(path: string): void {
  const found = harmful.exec(path)
  if (found === null) return
  throw new BatonError(
    'tomcat-path-unusable',
    `catalina.sh misreads a path with ${JSON.stringify(found[0])}: ${path}`,
    {
      hint: 'keep baton.yaml, and Tomcat, in folders without quotes, colons, dollar signs and backslashes in their paths',
    },
  )
}
