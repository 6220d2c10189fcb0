import { join } from 'node:path'
import { repository } from '@baton/testkit'
import { buildShop } from '../examples/nginx-tomcat-redis/build.mjs'

/** What is rolled out, and how a node runs it. */
export interface Shop {
  /** Where it is, for the story. */
  readonly name: string
  /** The source of a release. */
  release(version: 'v1' | 'v2'): string
  /** The app section of baton.yaml, but for its env. */
  readonly app: Readonly<Record<string, string>>
  /** As in baton.yaml, for what is slow when it has just started. */
  readonly ramp?: string
}

export const nodeShop: Shop = {
  name: 'examples/shop',
  release: (version) => join(repository, 'examples/shop', version),
  app: { driver: 'process', command: 'node server.js' },
}

/** Compiles it where that has not been done. */
export function tomcatShop(): Shop {
  const home = process.env.CATALINA_HOME ?? '/usr/share/tomcat10'
  buildShop({ home })
  return {
    name: 'examples/nginx-tomcat-redis',
    release: (version) => join(repository, 'examples/nginx-tomcat-redis/build', version, 'shop.war'),
    app: { driver: 'tomcat', home, javaOptions: '-Xmx256m' },
    ramp: '[10% for 2s, 50% for 2s, 100%]',
  }
}
