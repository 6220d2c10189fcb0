import type { Address } from '@baton/core'
import { sessionManager, sessionValve } from '../../session-jar.ts'
import { xmlAttributes } from './quote.ts'

export interface ServerSettings {
  readonly address: Address
  /** The last part of the path where the server tells of its web application. */
  readonly secret: string
  /** Of clients' URLs where the balancer says that they came by http. */
  readonly clientPort: number
  /** Absolute path of tomcat-users.xml; null: no users. */
  readonly users: string | null
}

/** As Tomcat tells of its own keep-alive in its answers. Longer than any balancer keeps an idle connection to a node. */
const keepAliveMs = 75_000

/** Where this Tomcat answers `UP` or `DOWN`, whatever is mounted. */
export function statusPath(secret: string): string {
  return `/.baton/${secret}`
}

/**
 * No shutdown port. The connector listens only when the web application is started (bindOnInit), so that whoever connects is
 * served. What is deployed is what Baton put there, once, at the start.
 */
export function serverXml({ address, secret, clientPort, users }: ServerSettings): string {
  const connector = xmlAttributes({
    port: address.port,
    address: address.host,
    protocol: 'HTTP/1.1',
    bindOnInit: false,
    connectionTimeout: 20_000,
    keepAliveTimeout: keepAliveMs,
    maxKeepAliveRequests: -1,
  })
  const health = xmlAttributes({ path: statusPath(secret), checkContainersAvailable: true })
  const forwarded = xmlAttributes({
    remoteIpHeader: 'X-Forwarded-For',
    protocolHeader: 'X-Forwarded-Proto',
    httpServerPort: clientPort,
  })
  return `<?xml version="1.0" encoding="UTF-8"?>
<!-- Written by Baton, at every start: changes are lost. -->
<Server port="-1">
  <Listener className="org.apache.catalina.startup.VersionLoggerListener" logArgs="false"/>
  <Listener className="org.apache.catalina.core.JreMemoryLeakPreventionListener"/>
${users === null ? '' : userDatabase(users)}  <Service name="Catalina">
    <Connector${connector}/>
    <Engine name="Catalina" defaultHost="localhost">
      <Valve className="org.apache.catalina.valves.HealthCheckValve"${health}/>
      <Valve className="org.apache.catalina.valves.RemoteIpValve"${forwarded}/>
${users === null ? '' : userRealm}      <Host name="localhost" appBase="webapps" autoDeploy="false" deployOnStartup="true" unpackWARs="true">
        <Valve className="org.apache.catalina.valves.ErrorReportValve" showReport="false" showServerInfo="false"/>
      </Host>
    </Engine>
  </Service>
</Server>
`
}

/** As in the server.xml that Tomcat comes with. */
function userDatabase(users: string): string {
  const attributes = xmlAttributes({
    name: 'UserDatabase',
    auth: 'Container',
    type: 'org.apache.catalina.UserDatabase',
    factory: 'org.apache.catalina.users.MemoryUserDatabaseFactory',
    pathname: users,
  })
  return `  <Listener className="org.apache.catalina.mbeans.GlobalResourcesLifecycleListener"/>
  <GlobalNamingResources>
    <Resource${attributes}/>
  </GlobalNamingResources>
`
}

const userRealm = `      <Realm className="org.apache.catalina.realm.LockOutRealm">
        <Realm className="org.apache.catalina.realm.UserDatabaseRealm" resourceName="UserDatabase"/>
      </Realm>
`

export interface SessionSettings {
  /** A redis:// or rediss:// URL. May hold a password. */
  readonly store: string
  readonly namespace: string
}

/** For every web application of the server. null: sessions as Tomcat has them, in memory. */
export function contextXml(sessions: SessionSettings | null): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!-- Written by Baton, at every start: changes are lost. -->
<Context>
${sessions === null ? '' : sessionElements(sessions)}</Context>
`
}

function sessionElements({ store, namespace }: SessionSettings): string {
  // Tomcat fills in ${…} of its own.
  const manager = xmlAttributes({ store: store.replaceAll('$', '%24'), namespace })
  return `  <Valve className="${sessionValve}"/>
  <Manager className="${sessionManager}"${manager}/>
`
}

/** Everything to standard output, which catalina.sh leads into catalina.out. */
export const loggingProperties = `# Written by Baton, at every start: changes are lost.
handlers = java.util.logging.ConsoleHandler
.handlers = java.util.logging.ConsoleHandler
java.util.logging.ConsoleHandler.level = FINE
java.util.logging.ConsoleHandler.formatter = org.apache.juli.OneLineFormatter
java.util.logging.ConsoleHandler.encoding = UTF-8
`
