import type { Goal } from '../ratio.ts'

const all = [
  { name: 'in memory', redis: false, jars: 'none' },
  { name: 'PersistentValve + FileStore', redis: false, jars: 'none' },
  { name: 'redisson-tomcat', redis: true, jars: 'redisson' },
  { name: 'baton (redis)', redis: true, jars: 'baton' },
  { name: 'baton (near cache)', redis: true, jars: 'baton' },
] as const

/** A Tomcat with one way to keep sessions. */
export type Contestant = (typeof all)[number]
export type ContestantName = Contestant['name']

export const contestants: readonly Contestant[] = all

export const goals: readonly Goal<ContestantName>[] = [
  { of: 'baton (near cache)', atLeast: 0.8, than: 'in memory', mix: 'read-only' },
  { of: 'baton (redis)', atLeast: 3, than: 'redisson-tomcat', mix: 'read-only' },
  { of: 'baton (redis)', atLeast: 2, than: 'redisson-tomcat', mix: 'writes' },
  { of: 'baton (near cache)', atLeast: 2, than: 'redisson-tomcat', mix: 'writes' },
]

/** What conf/context.xml says of sessions. `redisUrl`: a store of its own. */
export function managerOf(name: ContestantName, redisUrl: string): string {
  switch (name) {
    case 'in memory':
      // Without a file of sessions that is written when Tomcat stops.
      return '<Manager pathname="" />'
    case 'PersistentValve + FileStore':
      return (
        '<Valve className="org.apache.catalina.valves.PersistentValve" />' +
        '<Manager className="org.apache.catalina.session.PersistentManager">' +
        `<Store className="org.apache.catalina.session.FileStore" directory="\${catalina.base}/sessions" /></Manager>`
      )
    case 'redisson-tomcat':
      return `<Manager className="org.redisson.tomcat.RedissonSessionManager" configPath="\${catalina.base}/redisson.yaml" />`
    case 'baton (redis)':
      return `<Manager className="baton.tomcat.SessionManager" store="${redisUrl}" />`
    case 'baton (near cache)':
      return `<Manager className="baton.tomcat.SessionManager" store="${redisUrl}" nearCache="true" />`
  }
}
