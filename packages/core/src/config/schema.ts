import { z } from 'zod'
import { absolutePattern, readAbsolute, readSocket } from './absolute-path.ts'
import { addressPattern, readAddress } from './address.ts'
import { batchPattern, percentPattern, readBatch, readPercent, readWhole } from './amount.ts'
import { readArgv, readTemplate } from './argv.ts'
import { readChoice } from './choice.ts'
import { durationPattern, readDuration } from './duration.ts'
import { readVariable } from './environment.ts'
import { field } from './field.ts'
import { readFlag } from './flag.ts'
import { rampStepPattern, readRampStep } from './ramp.ts'
import { readStatus, statusPattern } from './status.ts'
import { namespacePattern, readNamespace, readStore, storePattern } from './store.ts'
import {
  backendPattern,
  namePattern,
  nodeIdPattern,
  readBackend,
  readHealthPath,
  readName,
  readSource,
} from './text.ts'
import { contextPattern, readContext, readJavaOptions } from './tomcat.ts'

/** Drivers of later versions: known, so that their users are told and not taken to have mistyped. */
export const plannedDrivers: { readonly app: readonly string[] } = { app: ['systemd'] }

const releaseFields = {
  source: field(readSource, './build', { type: 'string', description: 'A path.' })
    .nullable()
    .meta({
      description: 'What deploy rolls out: a directory, or a .war, .jar, .zip or .tar.gz; relative to this file.',
    })
    .prefault(null),
  keep: whole('Successful releases kept for rollback, the current one not counted.', { least: 1, most: 1000 }).prefault(
    5,
  ),
}

export const balancerFields = {
  driver: choice('What spreads the requests over the nodes.', {
    choices: ['embedded', 'nginx', 'haproxy'],
  }).prefault('embedded'),
  listen: address(
    'embedded: where clients connect, 127.0.0.1:8080 unless said otherwise; nginx, haproxy: also write a server block, or print a frontend, that listens there.',
  ).optional(),
  trustForwarded: flag(
    'embedded: believe X-Forwarded-* and Forwarded of clients and add to them; only behind another proxy.',
  ).prefault(false),
  responseTimeout: duration('embedded: how long a node may be silent before and within its answer.', {
    leastMs: 1,
  }).prefault('60s'),
  idleTimeout: duration('embedded: how long a client may keep an idle connection.', { leastMs: 1_000 }).prefault('75s'),
  maxBodyBytes: whole('A number of bytes.', { least: 0, most: Number.MAX_SAFE_INTEGER })
    .nullable()
    .meta({ description: 'embedded: the largest body of a request; null is no limit.' })
    .prefault(null),
  mode: choice(
    'nginx: change members at run time, in Lua (dynamic), or rewrite the upstream and reload nginx (reload).',
    { choices: ['dynamic', 'reload'] },
  ).prefault('dynamic'),
  command: command(
    readArgv,
    'nginx: how this nginx is run and signalled, such as nginx -c /etc/nginx/nginx.conf.',
  ).prefault('nginx'),
  include: path(
    readAbsolute,
    'nginx: the folder, included from within http, where baton-<name>.conf is written.',
  ).prefault('/etc/nginx/conf.d'),
  state: path(
    readAbsolute,
    "nginx: the folder of nginx's socket and state file, where nginx may write; .baton/nginx unless said otherwise.",
  ).optional(),
  socket: path(readSocket, 'haproxy: the unix socket of the runtime API, of level admin.').optional(),
  backend: field(readBackend, 'shop', {
    type: 'string',
    pattern: backendPattern,
    description:
      'haproxy: the backend, whose servers are named like the nodes; the name of the app unless said otherwise.',
  }).optional(),
}

const appFields = {
  driver: choice(
    'How a node runs: started by Baton (process), in a Tomcat (tomcat), or by commands of yours (command).',
    {
      choices: ['process', 'tomcat', 'command'],
      planned: plannedDrivers.app,
    },
  ),
  command: command(
    readArgv,
    'process: the program and its arguments, run without a shell in the folder of the release, with HOST, PORT, BATON_NODE and BATON_RELEASE set.',
  ),
  activate: command(readTemplate, 'command: makes the new release the one that starts next.'),
  stop: command(readTemplate, 'command: stops the node.'),
  start: command(readTemplate, 'command: starts the node.'),
  release: command(readTemplate, 'command: prints the id of the release that runs, so that Baton can verify it.'),
  home: path(readAbsolute, 'tomcat: CATALINA_HOME, the folder of an installed Tomcat, such as /usr/share/tomcat10.'),
  context: field(readContext, '/', {
    type: 'string',
    pattern: contextPattern,
    description: 'tomcat: the path that the web application is mounted at.',
  }),
  javaOptions: command(readJavaOptions, 'tomcat: options of the JVM, such as -Xmx512m.'),
  env: z.record(z.string(), field(readVariable, '""', { type: 'string', description: 'A text.' })).meta({
    description: 'Variables added to the environment.',
    propertyNames: { pattern: '^[A-Za-z_][A-Za-z0-9_]*$' },
  }),
  stopTimeout: duration('From SIGTERM to SIGKILL.', { leastMs: 0 }),
}

/** The fields that only one driver reads. */
export const fieldsOfDriver = {
  app: {
    process: { needed: ['command'], optional: [] },
    tomcat: { needed: ['home'], optional: ['context', 'javaOptions'] },
    command: { needed: ['stop', 'start'], optional: ['activate', 'release'] },
  },
  balancer: {
    embedded: { needed: [], optional: ['trustForwarded', 'responseTimeout', 'idleTimeout', 'maxBodyBytes'] },
    nginx: { needed: [], optional: ['mode', 'command', 'include', 'state'] },
    haproxy: { needed: ['socket'], optional: ['backend'] },
  },
} as const

const ownAppFields = {
  driver: appFields.driver.optional(),
  command: appFields.command.optional(),
  activate: appFields.activate.optional(),
  stop: appFields.stop.optional(),
  start: appFields.start.optional(),
  release: appFields.release.optional(),
  home: appFields.home.optional(),
  context: appFields.context.optional(),
  javaOptions: appFields.javaOptions.optional(),
  env: appFields.env.optional(),
  stopTimeout: appFields.stopTimeout.optional(),
}

export const sharedAppFields = {
  ...ownAppFields,
  driver: appFields.driver.prefault('process'),
  env: appFields.env.prefault({}),
  stopTimeout: appFields.stopTimeout.prefault('15s'),
}

export const nodeFields = {
  address: address('Where the app listens: host:port, an IPv6 host in brackets.'),
  weight: whole('Its share of the requests, in proportion to the other weights.', { least: 1, most: 1000 }).prefault(
    10,
  ),
  ...ownAppFields,
}

export const healthFields = {
  type: choice('http asks for the path; tcp only connects.', { choices: ['http', 'tcp'] }).prefault('http'),
  path: field(readHealthPath, '/healthz', {
    type: 'string',
    pattern: '^/',
    description: 'http: what is asked for, with GET.',
  }).prefault('/'),
  status: field(readStatus, '200', {
    anyOf: [
      { type: 'integer', minimum: 200, maximum: 599 },
      { type: 'string', pattern: statusPattern },
      { type: 'array', minItems: 1, items: { type: ['integer', 'string'] } },
    ],
    description: 'http: what is healthy: 200, 2xx, 200-399, or a list of these.',
  }).prefault('200-399'),
  interval: duration('Between two checks of a node.', { leastMs: 10 }).prefault('250ms'),
  timeout: duration('How long a check waits for its answer.', { leastMs: 1 }).prefault('2s'),
  rise: whole('Good checks in a row until a node is healthy.', { least: 1, most: 100 }).prefault(3),
  fall: whole('Bad checks in a row until a node is unhealthy.', { least: 1, most: 100 }).prefault(3),
  deadline: duration('How long a started node may take to become healthy.', { leastMs: 1 }).prefault('60s'),
}

export const rolloutFields = {
  batch: field(readBatch, '1', {
    anyOf: [
      { type: 'integer', minimum: 1 },
      { type: 'string', pattern: batchPattern },
    ],
    description: 'Nodes out at once: a number, or a percentage (rounded down, but at least one).',
  }).prefault(1),
  minAvailable: field(readPercent, '50%', {
    type: 'string',
    pattern: percentPattern,
    description: 'The part of the whole weight that stays in and healthy; looked at again before each drain.',
  }).prefault('50%'),
  drainTimeout: duration('How long requests in flight are waited for; over at once when none is left.', {
    leastMs: 0,
  }).prefault('30s'),
  onDrainTimeout: choice('What to do with requests that take longer: give up the deploy (abort) or cut them (force).', {
    choices: ['abort', 'force'],
  }).prefault('abort'),
  bake: duration('How long a node is watched after it joined; if it leaves health, the deploy has failed.', {
    leastMs: 0,
  }).prefault('5s'),
  ramp: z
    .array(
      field(readRampStep, '10%', {
        type: 'string',
        pattern: rampStepPattern,
        description: 'A share of the weight, and how long it is held (10s unless said otherwise): 10% for 30s.',
      }),
    )
    .prefault([])
    .meta({
      description:
        'From a little of its weight to all of it, as a node joins; the last step is 100%. Empty: all of it at once.',
    }),
  onFailure: choice('What to do when a node fails: go back everywhere (rollback) or wait for a person (halt).', {
    choices: ['rollback', 'halt'],
  }).prefault('rollback'),
  progressDeadline: duration('Without a node done for so long, the deploy has failed.', { leastMs: 1000 }).prefault(
    '10m',
  ),
}

export const sessionsFields = {
  store: field(readStore, 'embedded', {
    type: 'string',
    pattern: storePattern,
    description:
      'Where sessions live: embedded (LMDB under .baton/), or a redis:// or rediss:// URL. Nodes get it as BATON_SESSION_STORE.',
  }).prefault('embedded'),
  namespace: field(readNamespace, 'app', {
    type: 'string',
    pattern: namespacePattern,
    description: 'Keeps applications apart in one store. Nodes get it as BATON_SESSION_NAMESPACE.',
  }).prefault('app'),
}

const node = z.strictObject(nodeFields).meta({ description: 'A node; any field of app may be set here as well.' })

export const configSchema = z
  .strictObject({
    name: field(readName, 'shop', { type: 'string', pattern: namePattern, description: 'The name of the app.' }),
    release: section(releaseFields, 'What is rolled out.'),
    balancer: section(balancerFields, 'What clients connect to.'),
    app: section(sharedAppFields, 'How a node runs; any field may be set per node as well.'),
    nodes: z.record(z.string(), node).meta({
      description: 'The nodes by their ids, in the order in which they are rolled.',
      minProperties: 1,
      propertyNames: { pattern: nodeIdPattern },
    }),
    health: section(healthFields, 'When a node is healthy.'),
    rollout: section(rolloutFields, 'How a release is rolled over the nodes.'),
    sessions: section(sessionsFields, 'Where the sessions of the users live.'),
  })
  .meta({ title: 'baton.yaml', description: 'The configuration of Baton.' })

export type CheckedConfig = z.output<typeof configSchema>

/** The keys that may stand in the mapping at `path`; none where any key may. */
export function keysAt(path: readonly string[]): readonly string[] {
  if (path.length === 0) return Object.keys(configSchema.shape)
  if (path.length === 2 && path[0] === 'nodes') return Object.keys(nodeFields)
  return path.length === 1 ? Object.keys(sections[path[0] as keyof typeof sections] ?? {}) : []
}

/** Of a field that two of them have, the first is taken to be meant: `command` is the app's. */
export const sections = {
  release: releaseFields,
  app: sharedAppFields,
  balancer: balancerFields,
  health: healthFields,
  rollout: rolloutFields,
  sessions: sessionsFields,
}

function section<S extends z.ZodRawShape>(fields: S, description: string) {
  return z
    .strictObject(fields)
    .prefault({} as never)
    .meta({ description })
}

function choice<const T extends string>(
  description: string,
  options: { choices: readonly T[]; planned?: readonly string[] },
) {
  return field((raw) => readChoice(raw, options), options.choices[0]!, { enum: options.choices, description })
}

function duration(description: string, limits: { leastMs: number }) {
  return field((raw) => readDuration(raw, limits), '30s', { type: 'string', pattern: durationPattern, description })
}

function whole(description: string, limits: { least: number; most: number }) {
  const { least, most } = limits
  return field((raw) => readWhole(raw, limits), '10', { type: 'integer', minimum: least, maximum: most, description })
}

function flag(description: string) {
  return field(readFlag, 'false', { type: 'boolean', description })
}

function address(description: string) {
  return field(readAddress, '127.0.0.1:3001', { type: 'string', pattern: addressPattern, description })
}

function path(read: typeof readAbsolute, description: string) {
  return field(read, '/run/shop', { type: 'string', pattern: absolutePattern, description })
}

function command(read: typeof readArgv, description: string) {
  return field(read, 'node server.js', {
    anyOf: [
      { type: 'string', minLength: 1 },
      { type: 'array', minItems: 1, items: { type: 'string' } },
    ],
    description,
  })
}
