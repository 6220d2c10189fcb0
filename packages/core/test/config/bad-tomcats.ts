import type { BadConfiguration } from './sound.ts'

const redis = 'sessions: { store: "redis://127.0.0.1:6379" }\n'

/** Four lines of nodes behind `app`; what a row adds stands on line 5. */
function tomcat(app: string, rest = redis): string {
  return `name: shop\napp: { driver: tomcat, ${app} }\nnodes:\n  web-1: { address: 127.0.0.1:3001 }\n${rest}`.replace(
    '3001 }\n',
    '3001 }\nrollout: { minAvailable: 0% }\n',
  )
}

export const badTomcats: readonly BadConfiguration[] = [
  {
    name: 'a Tomcat that is nowhere',
    yaml: tomcat('context: /'),
    problems: [['app.home', 2, 'missing, and the driver tomcat needs it', 'home: /usr/share/tomcat10']],
  },
  {
    name: 'a relative home',
    yaml: tomcat('home: tomcat10'),
    problems: [['app.home', 2, 'must be an absolute path', 'begins with /']],
  },
  {
    name: 'a context without its slash',
    yaml: tomcat('home: /t, context: shop'),
    problems: [['app.context', 2, 'must be a path, not "shop"', '/shop']],
  },
  {
    name: 'a context with a #',
    yaml: tomcat('home: /t, context: "/a#b"'),
    problems: [['app.context', 2, 'must be a path', 'letters, digits']],
  },
  {
    name: 'a context that leaves its folder',
    yaml: tomcat('home: /t, context: /../x'),
    problems: [['app.context', 2, 'must be a path', '/shop']],
  },
  {
    name: "Tomcat's own name of the root",
    yaml: tomcat('home: /t, context: /ROOT'),
    problems: [['app.context', 2, "Tomcat's own word for /", 'write /']],
  },
  {
    name: 'an option without its dash',
    yaml: tomcat('home: /t, javaOptions: Xmx512m'),
    problems: [['app.javaOptions', 2, '"Xmx512m", which is no option', 'dash']],
  },
  {
    name: 'an option that only a shell could fill in',
    yaml: tomcat('home: /t, javaOptions: -Da=$(hostname)'),
    problems: [['app.javaOptions', 2, 'needs a shell', 'as a list']],
  },
  {
    name: 'sessions of Tomcat in the embedded store',
    yaml: tomcat('home: /t', ''),
    problems: [['sessions.store', 1, 'Tomcat nodes cannot use it', 'redis://127.0.0.1:6379/0']],
  },
  {
    name: 'a health check outside of the context',
    yaml: tomcat('home: /t, context: /shop', `${redis}health: { path: /shopping }\n`),
    problems: [['health.path', 7, '/shopping is outside of the web application', 'path: /shop/']],
  },
  {
    name: 'a namespace with a blank',
    yaml: tomcat('home: /t', 'sessions: { store: "redis://x", namespace: "my app" }\n'),
    problems: [['sessions.namespace', 6, 'must be a name, not "my app"', 'such as app']],
  },
  {
    name: "options of Tomcat's JVM for a process",
    yaml: 'name: shop\napp: { command: node server.js, javaOptions: -Xmx1g }\nnodes: { web-1: { address: "x:1" } }\nrollout: { minAvailable: 0% }\n',
    problems: [['app.javaOptions', 2, 'is read by the driver tomcat alone', 'driver: tomcat']],
  },
]
