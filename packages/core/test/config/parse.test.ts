import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'
import { formatProblems } from '../../src/config/problem.ts'
import type { Config } from '../../src/config/types.ts'
import { badConfigurations } from './bad-configurations.ts'
import { sound } from './sound.ts'

function read(yaml: string): Config {
  const parsed = parseConfig(yaml, 'baton.yaml')
  if ('problems' in parsed) throw new Error(formatProblems(parsed.problems))
  return parsed.config
}

function problemsOf(yaml: string): string {
  const parsed = parseConfig(yaml, 'baton.yaml')
  return 'problems' in parsed ? formatProblems(parsed.problems) : ''
}

describe('a configuration', () => {
  it('has Tomcats, with what a node says before what all of them say', () => {
    const { nodes, sessions } = read(`name: shop
app: { driver: tomcat, home: /usr/share/tomcat10/, context: /shop/, javaOptions: "-Xmx512m '-Dgreeting=good day'" }
health: { path: /shop/health }
sessions: { store: "redis://127.0.0.1", namespace: shop }
nodes:
  web-1: { address: 127.0.0.1:3001 }
  web-2: { address: 127.0.0.1:3002, home: /opt/tomcat11, javaOptions: [-Dshell=$(id)], env: { A: b } }
`)
    const app = { driver: 'tomcat', context: '/shop', stopTimeoutMs: 15_000 }
    expect(nodes.map((node) => node.app)).toEqual([
      { ...app, home: '/usr/share/tomcat10', javaOptions: ['-Xmx512m', '-Dgreeting=good day'], env: {} },
      { ...app, home: '/opt/tomcat11', javaOptions: ['-Dshell=$(id)'], env: { A: 'b' } },
    ])
    expect(sessions).toEqual({ store: 'redis://127.0.0.1', namespace: 'shop' })
  })

  it('has a default for everything but the name, the command and the addresses', () => {
    const app = { driver: 'process' as const, command: ['node', 'server.js'], env: {}, stopTimeoutMs: 15_000 }
    expect(read(sound)).toEqual({
      name: 'shop',
      release: { source: null, keep: 5 },
      balancer: {
        driver: 'embedded',
        listen: { host: '127.0.0.1', port: 8080 },
        trustForwarded: false,
        responseTimeoutMs: 60_000,
        idleTimeoutMs: 75_000,
        maxBodyBytes: null,
      },
      nodes: [
        { id: 'web-1', address: { host: '127.0.0.1', port: 3001 }, weight: 10, app },
        { id: 'web-2', address: { host: '127.0.0.1', port: 3002 }, weight: 10, app },
      ],
      health: {
        type: 'http',
        path: '/',
        status: [[200, 399]],
        intervalMs: 250,
        timeoutMs: 2000,
        rise: 3,
        fall: 3,
        deadlineMs: 60_000,
      },
      rollout: {
        batch: 1,
        minAvailablePercent: 50,
        drainTimeoutMs: 30_000,
        onDrainTimeout: 'abort',
        bakeMs: 5000,
        ramp: [],
        onFailure: 'rollback',
        progressDeadlineMs: 600_000,
      },
      sessions: { store: 'embedded', namespace: 'app' },
    } satisfies Config)
  })

  it('keeps its defaults where a section is empty', () => {
    expect(read(`${sound}release:\nhealth:\nrollout:\nsessions:\nbalancer:\n`)).toEqual(read(sound))
  })

  it('may name no release, in words', () => {
    expect(read(`${sound}release: { source: null }\n`).release.source).toBeNull()
  })

  it('lets a node set any field of app, and one variable beside the others', () => {
    const { nodes } = read(`
name: shop
app: { command: node server.js, stopTimeout: 1m, env: { A: "1", B: "1" } }
nodes:
  web-1: { address: localhost:3001, command: [node, other.js], env: { B: "2", C: "2" } }
  web-2: { address: localhost:3002, driver: command, start: "./start {node}", stop: ./stop, release: ./which }
`)
    expect(nodes[0]!.app).toEqual({
      driver: 'process',
      command: ['node', 'other.js'],
      env: { A: '1', B: '2', C: '2' },
      stopTimeoutMs: 60_000,
    })
    expect(nodes[1]!.app).toEqual({
      driver: 'command',
      start: ['./start', '{node}'],
      stop: ['./stop'],
      activate: null,
      release: ['./which'],
      env: { A: '1', B: '1' },
      stopTimeoutMs: 60_000,
    })
  })

  it('keeps the nodes in the order of the file, numbers as well', () => {
    const nodes = ['10', 'b', '2', 'a'].map((id, index) => `  ${id}: { address: localhost:300${index} }\n`)
    const { nodes: read10 } = read(`name: shop\napp: { command: x }\nnodes:\n${nodes.join('')}`)
    expect(read10.map(({ id }) => id)).toEqual(['10', 'b', '2', 'a'])
  })

  it('may use anchors, aliases and merge keys, what is written beside them winning', () => {
    const { nodes } = read(`
name: shop
app: { command: node server.js }
nodes:
  a: &small { address: localhost:3001, weight: 4, stopTimeout: &short 5s }
  b: { address: localhost:3002, <<: *small }
  c: { <<: [{ weight: 7 }, *small], address: localhost:3003, stopTimeout: *short }
`)
    expect(nodes.map(({ weight, app }) => [weight, app.stopTimeoutMs])).toEqual([
      [4, 5000],
      [4, 5000],
      [7, 5000],
    ])
    expect(nodes.map(({ address }) => address.port)).toEqual([3001, 3002, 3003])
  })

  it('may have a thousand nodes that share one anchor', () => {
    const nodes = Array.from(
      { length: 1000 },
      (_, n) => `  n${n}: { <<: *n, address: "10.0.${n >> 8}.${n & 255}:80" }\n`,
    )
    const yaml = `name: shop\napp: &n { command: node server.js }\nnodes:\n${nodes.join('')}rollout: { batch: 10% }\n`
    const config = read(yaml)
    expect(config.nodes).toHaveLength(1000)
    expect(config.rollout.batch).toBe(100)
  })

  it.each([
    ['1%', 1],
    ['50%', 2],
    ['99%', 4],
    ['100%', 5],
    [3, 3],
  ])('of five nodes takes a batch of %s as %d', (batch, expected) => {
    const nodes = [1, 2, 3, 4, 5].map((n) => `  n${n}: { address: localhost:300${n} }\n`).join('')
    const yaml = `name: shop\napp: { command: x }\nnodes:\n${nodes}rollout: { batch: ${batch}, minAvailable: 0% }\n`
    expect(read(yaml).rollout.batch).toBe(expected)
  })

  it.each([
    ['204', [[204, 204]]],
    ['2xx', [[200, 299]]],
    ['200-299', [[200, 299]]],
    ['[200, 3xx, 401-403]', [[200, 200], [300, 399], [401, 403]]], // biome-ignore format: one line a case
  ])('takes the status %s as %j', (status, expected) => {
    expect(read(`${sound}health: { status: ${status} }\n`).health.status).toEqual(expected)
  })

  it.each([
    [`node 'a b' "c d"  e\\ f`, ['node', 'a b', 'c d', 'e f']],
    [`sh -c 'npm ci && exec node "$0" *.js'`, ['sh', '-c', 'npm ci && exec node "$0" *.js']],
    [`docker ps --format {{.Names}}`, ['docker', 'ps', '--format', '{{.Names}}']],
  ])('splits the command %s as a shell would', (command, expected) => {
    expect(read(sound.replace('node server.js', JSON.stringify(command))).nodes[0]!.app).toMatchObject({
      command: expected,
    })
  })

  it('takes a list as argv, whatever it holds', () => {
    const { app } = read(sound.replace('node server.js', '[node, "a && $B *", ""]')).nodes[0]!
    expect(app).toMatchObject({ command: ['node', 'a && $B *', ''] })
  })

  it('has a balancer of nginx, with little to say', () => {
    expect(read(`${sound}balancer: { driver: nginx }\n`).balancer).toEqual({
      driver: 'nginx',
      mode: 'dynamic',
      command: ['nginx'],
      include: '/etc/nginx/conf.d',
      listen: null,
      state: null,
    })
  })

  it('has a balancer of nginx, with all of its fields', () => {
    const yaml = `${sound}balancer:
  driver: nginx
  mode: reload
  command: sudo nginx -c "/etc/nginx/the shop.conf"
  include: /etc/nginx/sites/
  listen: 0.0.0.0:80
  state: /var/lib/baton
`
    expect(read(yaml).balancer).toEqual({
      driver: 'nginx',
      mode: 'reload',
      command: ['sudo', 'nginx', '-c', '/etc/nginx/the shop.conf'],
      include: '/etc/nginx/sites',
      listen: { host: '0.0.0.0', port: 80 },
      state: '/var/lib/baton',
    })
  })

  it('has a balancer of HAProxy, whose backend is called like the app unless it is named', () => {
    const yaml = `${sound}balancer: { driver: haproxy, socket: /run/haproxy/admin.sock }\n`
    const expected = { driver: 'haproxy', socket: '/run/haproxy/admin.sock', backend: 'shop', listen: null }
    expect(read(yaml).balancer).toEqual(expected)
    expect(read(yaml.replace('admin.sock', 'admin.sock, backend: be_Shop.1, listen: 127.0.0.1:80')).balancer).toEqual({
      ...expected,
      backend: 'be_Shop.1',
      listen: { host: '127.0.0.1', port: 80 },
    })
  })

  it('may have a node where the embedded balancer would listen, if another is its balancer', () => {
    const yaml = `${sound.replace('3002', '8080')}balancer: { driver: nginx }\n`
    expect(read(yaml).nodes[1]!.address.port).toBe(8080)
  })

  it('takes a ramp, with its times', () => {
    expect(read(`${sound}rollout: { ramp: [5%, 25% for 1m, 100%] }\n`).rollout.ramp).toEqual([
      { percent: 5, holdMs: 10_000 },
      { percent: 25, holdMs: 60_000 },
      { percent: 100, holdMs: 0 },
    ])
  })

  it('takes comments as they come, rulers of dashes among them', () => {
    expect(read(`${`# ${'- '.repeat(60)}\n`.repeat(20)}${sound}`)).toEqual(read(sound))
  })

  it('takes IPv6 addresses in brackets, and gives them without', () => {
    expect(read(sound.replace('127.0.0.1:3002', '"[FE80:0::1]:80"')).nodes[1]!.address).toEqual({
      host: 'fe80::1',
      port: 80,
    })
  })

  it.each(['redis://127.0.0.1:6379/0', 'rediss://app:p%40ss@cache.example:6380', 'redis://[::1]/2'])(
    'takes %s',
    (store) => {
      expect(read(`${sound}sessions: { store: "${store}" }\n`).sessions.store).toBe(store)
    },
  )
})

describe('problems', () => {
  it('are one line each, with file, line, column, path and remedy', () => {
    expect(problemsOf(sound.replace('{ address: 127.0.0.1:3002 }', '\n    addres: 127.0.0.1:3002'))).toBe(
      'baton.yaml:6:5 nodes.web-2.addres: unknown key; did you mean address?',
    )
  })

  it('point at the value that is wrong, the key that should not be there, and the parent of what is missing', () => {
    const yaml = `name: shop
app: { command: node server.js }
nodes:
  web-1: { weight: 0 }
  web-2: { address: 127.0.0.1:3002, x: 1 }
`
    expect(
      problemsOf(yaml)
        .split('\n')
        .map((line) => line.split(' ').slice(0, 2).join(' ')),
    ).toEqual([
      'baton.yaml:4:3 nodes.web-1.address:',
      'baton.yaml:4:20 nodes.web-1.weight:',
      'baton.yaml:5:37 nodes.web-2.x:',
    ])
  })

  it('never repeat a password, a token or the value of a variable, wherever it stands', () => {
    const secret = 'hunter2'
    const places = [
      `sessions: { store: "redis://:${secret}@" }`,
      `sessions: { store: "redis://:${secret}@host/x" }`,
      `sessions: { store: "rediss://:a#${secret}@host" }`,
      `sessions: { store: "mysql://:${secret}@host" }`,
      `sessions: { store: redis://:${secret}@host: 6379 }`,
      `sessions: { store: "redis://:${secret}\\q@host" }`,
      `sessions: { store: [redis://:${secret}@host] }`,
      `balancer: { listen: "redis://:${secret}@host" }`,
      `health: { path: "redis://:${secret}@host" }`,
      `release: { source: "https://user:${secret}@host/x.zip" }`,
      `name: "redis://:${secret}@host"`,
      `app: { env: { TOKEN: [${secret}] } }`,
      `app: { env: { TOKEN: { x: ${secret} } } }`,
      `app: { env: { TOKEN=${secret}: "" } }`,
      `app: { env: [TOKEN=${secret}] }`,
      `app: { env: TOKEN=${secret} }`,
      `app: { env: { TOKEN: "\\0${secret}" } }`,
      `app: { env: { TOKEN: @${secret} } }`,
      `app: { env: { TOKEN: "x" ${secret} } }`,
      `app: { env: { TOKEN: !t${secret} x } }`,
      `app: { env: { TOKEN: *${secret} } }`,
      `app: { command: "TOKEN=${secret} node server.js" }`,
      `app: { command: "node server.js --token '${secret}" }`,
      `app: { command: "node server.js --token ${secret} | cat" }`,
      `app: { env: { TOKEN: "${secret} } }`,
    ]
    for (const place of places) {
      const problems = problemsOf(`${place}\nnodes: {}\n`)
      expect(problems, place).not.toBe('')
      expect(problems, place).not.toContain(secret)
    }
  })
})

describe('any text', () => {
  const fragments = fc.constantFrom(
    ...badConfigurations.filter(({ yaml }) => yaml.length < 1000).flatMap(({ yaml }) => yaml.split(/(?<=\n)/)),
    ...[
      '&a ',
      '*a',
      '<<: ',
      '? ',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '|\n',
      '!!x ',
      '\t',
      '%',
      '---\n',
      '\u0000',
      '\uFEFF',
    ],
  )

  it('is a configuration or has problems that stand in it, and never throws', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fragments, fc.string()), { maxLength: 30 }), (parts) => {
        const text = parts.join('')
        const parsed = parseConfig(text, 'f')
        if ('config' in parsed) return
        expect(parsed.problems.length).toBeGreaterThan(0)
        const lines = text.split('\n').length
        for (const { line, column } of parsed.problems) {
          expect(line >= 1 && line <= lines && column >= 1).toBe(true)
        }
      }),
      { numRuns: 200 },
    )
  })
})
