import { badBalancers } from './bad-balancers.ts'
import { badRamps } from './bad-ramps.ts'
import { badTomcats } from './bad-tomcats.ts'
import { address, type BadConfiguration, command, instead, sound } from './sound.ts'

const file: BadConfiguration[] = [
  { name: 'an empty file', yaml: '', problems: [['', 1, 'the file is empty', 'baton init']] },
  { name: 'nothing but comments', yaml: '# name: shop\n', problems: [['', 1, 'the file is empty', 'baton init']] },
  { name: 'a list', yaml: '- name: shop\n', problems: [['', 1, 'must be a mapping, not a list', 'name: shop']] },
  { name: 'a text', yaml: 'shop\n', problems: [['', 1, 'must be a mapping, not a text', 'name: shop']] },
  {
    name: 'a file of another kind, far too large',
    yaml: 'x'.repeat(600_000),
    problems: [['', 1, 'larger', '--config']],
  },
  {
    name: 'brackets without end',
    yaml: `name: ${'['.repeat(100_000)}`,
    problems: [['', 1, 'nested deeper', '--config']],
  },
  { name: 'lists in lists without end', yaml: '- '.repeat(20_000), problems: [['', 1, 'nested deeper', '--config']] },
]

const syntax: BadConfiguration[] = [
  {
    name: 'a tab as indentation',
    yaml: `${sound}health:\n\tpath: /\n`,
    problems: [['', 7, 'a tab', 'indent with spaces']],
  },
  {
    name: 'keys out of line',
    yaml: `${sound}health:\n    rise: 3\n  fall: 3\n`,
    problems: [['', 8, 'indentation', 'line the key up']],
  },
  {
    name: 'a quote left open',
    yaml: `${sound}health: { path: "/ }\n`,
    problems: [['', 7, 'quote', 'close the quotes']],
  },
  {
    name: 'two keys on a line',
    yaml: `${sound}health: path: /\n`,
    problems: [['', 6, 'a second key on one line', 'line of its own']],
  },
  {
    name: 'an IPv6 address without quotes',
    yaml: address('').replace('web-2: { address:  }', 'web-2:\n    address: [::1]:3002'),
    problems: [['', 6, 'after the end of the value', '"[::1]:3001"']],
  },
  {
    name: 'a key without a colon',
    yaml: `name shop\n${sound.slice(11)}`,
    problems: [['', 1, 'without its colon', 'write ": "']],
  },
  { name: 'a reserved character', yaml: command('@app'), problems: [['', 2, 'cannot begin', 'quotes']] },
  {
    name: 'two documents',
    yaml: `${sound}---\nname: shop\n`,
    problems: [['', 6, 'second document', 'remove the ---']],
  },
  { name: 'a tag nobody knows', yaml: `${sound}health: !fast { rise: 1 }\n`, problems: [['', 6, 'unknown tag', '!']] },
  {
    name: 'a duplicate key',
    yaml: `${sound}name: shop2\n`,
    problems: [['name', 6, 'duplicate key', 'keep one']],
  },
  {
    name: 'a duplicate node',
    yaml: instead('web-2:', 'web-1:'),
    problems: [['nodes.web-1', 5, 'duplicate key', 'keep one']],
  },
  {
    name: 'an alias without its anchor',
    yaml: command('*start'),
    problems: [['app.command', 2, 'without its anchor', '&name']],
  },
  {
    name: 'an alias inside its own anchor',
    yaml: `${sound}health: &h { path: *h }\n`,
    problems: [['health.path', 6, 'inside its own anchor', 'remove']],
  },
  {
    name: 'a bomb of aliases',
    yaml: `${sound}${Array.from({ length: 9 }, (_, i) => `x${i}: &x${i} [${Array(10).fill(i === 0 ? 'x' : `*x${i - 1}`)}]\n`).join('')}`,
    problems: [
      ['x0', 6, 'unknown key', 'remove it'],
      ['x4', 7, 'holds too much', 'fewer aliases'],
    ],
  },
]

const keys: BadConfiguration[] = [
  {
    name: 'a mistyped key, which is not missing as well',
    yaml: instead('{ address: 127.0.0.1:3002 }', '\n    addres: 127.0.0.1:3002'),
    problems: [['nodes.web-2.addres', 6, 'unknown key', 'did you mean address?']],
  },
  {
    name: 'another way to write a key',
    yaml: `${sound}rollout: { drain_timeout: 5s }\n`,
    problems: [['rollout.drain_timeout', 6, 'unknown key', 'did you mean drainTimeout?']],
  },
  {
    name: 'a key at the wrong place',
    yaml: `${sound}batch: 1\n`,
    problems: [['batch', 6, 'unknown key', 'did you mean rollout.batch?']],
  },
  {
    name: 'a key of nodes at app',
    yaml: instead('command:', 'weight: 1, command:'),
    problems: [['app.weight', 2, 'unknown key', 'did you mean nodes.<id>.weight?']],
  },
  {
    name: 'a key like nothing else',
    yaml: `${sound}rollout: { colour: red }\n`,
    problems: [['rollout.colour', 6, 'unknown key', 'use one of batch, minAvailable']],
  },
  {
    name: 'a key that JavaScript has plans for',
    yaml: `${sound}__proto__: { x: 1 }\n`,
    problems: [['__proto__', 6, 'unknown key', 'remove it']],
  },
  { name: 'no name', yaml: instead('name: shop\n', ''), problems: [['name', 1, 'missing', 'shop']] },
  { name: 'no nodes', yaml: 'name: shop\n', problems: [['nodes', 1, 'missing', 'web-1:']] },
  { name: 'nodes without a node', yaml: 'name: shop\nnodes: {}\n', problems: [['nodes', 2, 'no node', 'web-1:']] },
  {
    name: 'a list of nodes',
    yaml: 'name: shop\nnodes: [127.0.0.1:3001]\n',
    problems: [['nodes', 2, 'must be a mapping, not a list', 'web-1:']],
  },
  {
    name: 'a node with nothing set',
    yaml: instead('web-2: { address: 127.0.0.1:3002 }', 'web-2:'),
    problems: [['nodes.web-2.address', 5, 'missing', '127.0.0.1:3001']],
  },
  {
    name: 'a node that is its address',
    yaml: instead('{ address: 127.0.0.1:3002 }', '127.0.0.1:3002'),
    problems: [['nodes.web-2', 5, 'must be a mapping, not a text', 'indented']],
  },
  {
    name: 'a section that is a list',
    yaml: `${sound}health: [/]\n`,
    problems: [['health', 6, 'must be a mapping', 'indented']],
  },
  {
    name: 'a field with nothing in it',
    yaml: `${sound}rollout:\n  bake:\n`,
    problems: [['rollout.bake', 7, 'has no value', '30s']],
  },
]

const names: BadConfiguration[] = [
  {
    name: 'a name with capitals',
    yaml: instead('shop', 'Shop'),
    problems: [['name', 1, 'not "Shop"', 'a-z, 0-9 and -']],
  },
  { name: 'a name that is a number', yaml: instead('shop', '42'), problems: [['name', 1, 'not a number', '"42"']] },
  {
    name: 'a node that begins with a dash',
    yaml: instead('web-2', '-web'),
    problems: [['nodes.-web', 5, 'no id of a node', 'no dash']],
  },
  {
    name: 'a node with an underscore',
    yaml: instead('web-2', 'web_2'),
    problems: [['nodes.web_2', 5, 'no id of a node', 'a-z, 0-9 and -']],
  },
]

const addresses: BadConfiguration[] = [
  {
    name: 'a port alone',
    yaml: address('3002'),
    problems: [['nodes.web-2.address', 5, 'host:port', '127.0.0.1:3002']],
  },
  { name: 'a host alone', yaml: address('localhost'), problems: [['nodes.web-2.address', 5, 'no port', 'host:port']] },
  { name: 'port 0', yaml: address('localhost:0'), problems: [['nodes.web-2.address', 5, 'no such port: 0', '65535']] },
  {
    name: 'port 70000',
    yaml: address('localhost:70000'),
    problems: [['nodes.web-2.address', 5, '70000', '1 to 65535']],
  },
  { name: 'a URL', yaml: address('"http://x:1/"'), problems: [['nodes.web-2.address', 5, 'not a URL', 'alone']] },
  {
    name: 'five octets',
    yaml: address('10.0.0.0.1:80'),
    problems: [['nodes.web-2.address', 5, 'no valid host', 'an IPv4 address']],
  },
  {
    name: 'IPv6 without brackets',
    yaml: address('fe80::1:80'),
    problems: [['nodes.web-2.address', 5, 'without brackets', '"[fe80::1]:80"']],
  },
  {
    name: 'IPv6 that is none',
    yaml: address('"[fe80::1::2]:80"'),
    problems: [['nodes.web-2.address', 5, 'no valid host', 'in brackets']],
  },
  {
    name: 'every address of the machine',
    yaml: `${sound}balancer: { listen: "*:8080" }\n`,
    problems: [['balancer.listen', 6, 'no host', '0.0.0.0:8080']],
  },
  {
    name: 'a flag of an older YAML and a limit with a unit',
    yaml: `${sound}balancer: { trustForwarded: yes, maxBodyBytes: 10MB }\n`,
    problems: [
      ['balancer.trustForwarded', 6, 'must be true or false', 'without quotes'],
      ['balancer.maxBodyBytes', 6, 'must be a whole number', 'write'],
    ],
  },
  {
    name: 'two nodes at one address',
    yaml: address('localhost:3001'),
    problems: [['nodes.web-2.address', 5, 'is the address of nodes.web-1.address as well', 'another port']],
  },
  {
    name: 'one address written in two ways',
    yaml: sound.replace('127.0.0.1:3001', '"[::1]:80"').replace('127.0.0.1:3002', '"[0:0::0001]:80"'),
    problems: [['nodes.web-2.address', 5, 'nodes.web-1.address', 'another port']],
  },
  {
    name: 'a node at the address of the balancer',
    yaml: address('127.0.0.1:8080'),
    problems: [['nodes.web-2.address', 5, 'is the address of balancer.listen as well', 'another port']],
  },
  {
    name: 'a node where the balancer listens on every address',
    yaml: `${sound}balancer: { listen: 0.0.0.0:3002 }\n`,
    problems: [['nodes.web-2.address', 5, 'balancer.listen', 'another port']],
  },
]

const apps: BadConfiguration[] = [
  {
    name: 'no command at all',
    yaml: instead('app: { command: node server.js }\n', ''),
    problems: [['app.command', 1, 'missing', 'command: node server.js']],
  },
  {
    name: 'no commands of the driver command',
    yaml: command('node server.js, driver: command'),
    problems: [
      ['app.stop', 2, 'missing, and the driver command needs it', 'systemctl stop'],
      ['app.start', 2, 'missing, and the driver command needs it', 'systemctl start'],
      ['app.command', 2, 'read by the driver process alone', 'driver: process'],
    ],
  },
  {
    name: 'a node of another driver, without its commands',
    yaml: address('127.0.0.1:3002, driver: command, start: ./start'),
    problems: [['nodes.web-2.stop', 5, 'missing', 'systemctl stop']],
  },
  {
    name: 'a field of another driver',
    yaml: address('127.0.0.1:3002, stop: ./stop'),
    problems: [['nodes.web-2.stop', 5, 'read by the driver command alone', 'remove it']],
  },
  {
    name: 'a driver of a later version, with its own keys',
    yaml: instead('{ command: node server.js }', '{ driver: systemd, unit: shop@.service }'),
    problems: [['app.driver', 2, 'systemd is not in this version yet', 'use process or tomcat or command']],
  },
  {
    name: 'a mistyped driver',
    yaml: command('node server.js, driver: proces'),
    problems: [['app.driver', 2, 'must be process or tomcat or command, not "proces"', 'did you mean process?']],
  },
  {
    name: 'a shell operator',
    yaml: command('npm ci && npm start'),
    problems: [['app.command', 2, 'a shell', `sh -c '…'`]],
  },
  { name: 'a glob', yaml: command('node *.js'), problems: [['app.command', 2, 'a shell', 'a list']] },
  {
    name: 'a variable',
    yaml: command('node server.js --port $PORT'),
    problems: [['app.command', 2, 'a shell', `sh -c`]],
  },
  {
    name: 'a command substitution',
    yaml: command('node `pwd`/x.js'),
    problems: [['app.command', 2, 'a shell', `sh -c`]],
  },
  { name: 'a home directory', yaml: command('~/shop/run'), problems: [['app.command', 2, 'a shell', 'a list']] },
  {
    name: 'a variable before the program',
    yaml: command('NODE_ENV=production node server.js'),
    problems: [['app.command', 2, 'begins with a variable', 'under env']],
  },
  {
    name: 'a quote that is not closed',
    yaml: command(`node 'server.js`),
    problems: [['app.command', 2, 'quote', 'close it']],
  },
  { name: 'an empty command', yaml: command('""'), problems: [['app.command', 2, 'is empty', 'node server.js']] },
  {
    name: 'a number in a command',
    yaml: command('[node, 3]'),
    problems: [['app.command', 2, 'than texts', 'in quotes']],
  },
  {
    name: 'a command that is no text',
    yaml: command('true'),
    problems: [['app.command', 2, 'not a boolean', 'node server.js']],
  },
  {
    name: 'a mistyped placeholder',
    yaml: instead('command: node server.js', 'driver: command, stop: ./stop, start: "./start {relase} {port}"'),
    problems: [['app.start', 2, 'unknown placeholder {relase}', 'did you mean {release}?']],
  },
  {
    name: 'variables that are no texts',
    yaml: command('node server.js, env: { PAGE: 20, DEBUG: true, EMPTY: , LIST: [a] }'),
    problems: [
      ['app.env.PAGE', 2, 'not a number', 'in quotes'],
      ['app.env.DEBUG', 2, 'not a boolean', 'in quotes'],
      ['app.env.EMPTY', 2, 'has no value', '""'],
      ['app.env.LIST', 2, 'must be a text', 'in quotes'],
    ],
  },
  {
    name: 'variables as a list',
    yaml: command('node server.js, env: [TOKEN=1]'),
    problems: [['app.env', 2, 'must be a mapping, not a list', 'NAME: "value"']],
  },
  {
    name: 'variables that Baton sets',
    yaml: address('127.0.0.1:3002, env: { PORT: "1", BATON_NODE: x, ok-not: x }'),
    problems: [
      ['nodes.web-2.env.PORT', 5, 'is set by Baton', 'from the address'],
      ['nodes.web-2.env.BATON_NODE', 5, 'is set by Baton', 'from the deploy'],
      ['nodes.web-2.env.ok-not', 5, 'no name of an environment variable', 'letters, digits and _'],
    ],
  },
  {
    name: 'a release that is a URL',
    yaml: `${sound}release: { source: "https://example.org/shop.war" }\n`,
    problems: [['release.source', 6, 'not a URL', 'fetch it first']],
  },
  {
    name: 'no release kept',
    yaml: `${sound}release: { keep: 0 }\n`,
    problems: [['release.keep', 6, 'from 1 to 1000, not 0', 'such as 1']],
  },
]

const numbers: BadConfiguration[] = [
  {
    name: 'no weight',
    yaml: address('127.0.0.1:3002, weight: 0'),
    problems: [['nodes.web-2.weight', 5, '1 to 1000', '1']],
  },
  {
    name: 'half a weight',
    yaml: address('127.0.0.1:3002, weight: 1.5'),
    problems: [['nodes.web-2.weight', 5, 'a whole number', '1']],
  },
  {
    name: 'a weight in quotes',
    yaml: address('127.0.0.1:3002, weight: "10"'),
    problems: [['nodes.web-2.weight', 5, 'not "10"', 'without quotes']],
  },
  {
    name: 'times without units',
    yaml: `${sound}rollout: { drainTimeout: 30, bake: 5 sec }\n`,
    problems: [
      ['rollout.drainTimeout', 6, 'with its unit, not 30', '30s'],
      ['rollout.bake', 6, 'not "5 sec"', '250ms, 30s, 5m or 1h'],
    ],
  },
  {
    name: 'times that are too short and too long',
    yaml: `${sound}health: { interval: 1ms }\nrollout: { bake: 25h }\n`,
    problems: [
      ['health.interval', 6, 'too short', '10ms or more'],
      ['rollout.bake', 7, 'too long', '24h or less'],
    ],
  },
  {
    name: 'no check in a row',
    yaml: `${sound}health: { rise: 0, fall: -1 }\n`,
    problems: [
      ['health.rise', 6, '1 to 100', '1'],
      ['health.fall', 6, '1 to 100', '1'],
    ],
  },
  {
    name: 'no batch',
    yaml: `${sound}rollout: { batch: 0 }\n`,
    problems: [['rollout.batch', 6, 'not 0', '1% to 100%']],
  },
  {
    name: 'a batch of more than all',
    yaml: `${sound}rollout: { batch: 101%, minAvailable: 0% }\n`,
    problems: [['rollout.batch', 6, 'not "101%"', '1% to 100%']],
  },
  {
    name: 'a batch larger than the pool',
    yaml: `${sound}rollout: { batch: 3, minAvailable: 0% }\n`,
    problems: [['rollout.batch', 6, 'takes 3 nodes out, and there are 2', '1 to 2']],
  },
  {
    name: 'a floor without its sign',
    yaml: `${sound}rollout: { minAvailable: 50 }\n`,
    problems: [['rollout.minAvailable', 6, 'not 50', 'write 50%']],
  },
  {
    name: 'a floor above all',
    yaml: `${sound}rollout: { minAvailable: 150% }\n`,
    problems: [['rollout.minAvailable', 6, 'not "150%"', '0% to 100%']],
  },
]

const floors: BadConfiguration[] = [
  {
    name: 'a floor that one node out breaks',
    yaml: `${sound}rollout: { minAvailable: 51% }\n`,
    problems: [
      ['rollout.minAvailable', 6, 'with web-1 out, 50% of the weight is left', 'write minAvailable: 50%, or add nodes'],
    ],
  },
  {
    name: 'a floor that a smaller batch would keep',
    yaml: `${sound}rollout: { batch: 2 }\n`,
    problems: [['rollout.minAvailable', 6, 'with web-1, web-2 out, 0% of the weight is left', 'write batch: 1, or']],
  },
  {
    name: 'a floor that the heaviest node breaks, the default as it is',
    yaml: address('127.0.0.1:3002, weight: 20'),
    problems: [['rollout.minAvailable', 1, '50% cannot be kept: with web-2 out, 33%', 'minAvailable: 33%']],
  },
  {
    name: 'one node alone',
    yaml: instead('  web-2: { address: 127.0.0.1:3002 }\n', ''),
    problems: [
      ['rollout.minAvailable', 1, 'one node alone cannot keep 50% in', 'add a second node, or write minAvailable: 0%'],
    ],
  },
]

const health: BadConfiguration[] = [
  {
    name: 'a path without its slash',
    yaml: `${sound}health: { path: health }\n`,
    problems: [['health.path', 6, '"health"', '/healthz']],
  },
  {
    name: 'a status that is none',
    yaml: `${sound}health: { status: 99 }\n`,
    problems: [['health.status', 6, 'not 99', '2xx']],
  },
  {
    name: 'a range of statuses that ends before it begins',
    yaml: `${sound}health: { status: [200, 399-300] }\n`,
    problems: [['health.status', 6, 'ends before it begins', 'lower status first']],
  },
  {
    name: 'no status',
    yaml: `${sound}health: { status: [] }\n`,
    problems: [['health.status', 6, 'empty list', '200']],
  },
  {
    name: 'a check that outlasts the deadline',
    yaml: `${sound}health: { timeout: 10s, deadline: 5s }\n`,
    problems: [['health.timeout', 6, 'longer than health.deadline (5s)', '5s or less']],
  },
  {
    name: 'more checks than the deadline has room for',
    yaml: `${sound}health: { rise: 7, interval: 10s }\n`,
    problems: [['health.deadline', 6, '7 checks, one every 10s, take longer than 1m', 'lower health.rise']],
  },
  {
    name: 'a path where only TCP is checked',
    yaml: `${sound}health: { type: tcp, path: /ready }\n`,
    problems: [['health.path', 6, 'not looked at by type: tcp', 'type: http']],
  },
  {
    name: 'progress asked for sooner than a drain may take',
    yaml: `${sound}rollout: { drainTimeout: 20m }\n`,
    problems: [['rollout.progressDeadline', 6, 'of 10m ends before rollout.drainTimeout (20m)', 'more than 20m']],
  },
  {
    name: 'a choice that is none',
    yaml: `${sound}rollout: { onFailure: roll-back, onDrainTimeout: no }\n`,
    problems: [
      ['rollout.onFailure', 6, 'must be rollback or halt', 'did you mean rollback?'],
      ['rollout.onDrainTimeout', 6, 'must be abort or force, not "no"', 'write abort or force'],
    ],
  },
]

const stores: BadConfiguration[] = [
  {
    name: 'a mistyped store',
    yaml: `${sound}sessions: { store: embeded }\n`,
    problems: [['sessions.store', 6, 'embedded', 'did you mean embedded?']],
  },
  {
    name: 'another store',
    yaml: `${sound}sessions: { store: "mongodb://x" }\n`,
    problems: [['sessions.store', 6, 'scheme', 'redis://127']],
  },
  {
    name: 'a store without a host',
    yaml: `${sound}sessions: { store: "redis://" }\n`,
    problems: [['sessions.store', 6, 'no valid URL', 'name the host']],
  },
  {
    name: 'a store without a number',
    yaml: `${sound}sessions: { store: "redis://x/shop" }\n`,
    problems: [['sessions.store', 6, 'database', '/0']],
  },
]

const several: BadConfiguration[] = [
  {
    name: 'mistakes of every kind at once',
    yaml: `name: Shop
nodes:
  web-1: { addres: 127.0.0.1:3001 }
  web-2: { address: 127.0.0.1:8080, weight: 0 }
  Web-3: { address: 127.0.0.1 }
app:
  env: { DEBUG: 1 }
rollout: { batch: 5, minAvailable: 50, bake: 5 }
name: shop
`,
    problems: [
      ['name', 1, 'must be a name', 'a-z'],
      ['nodes.web-1.addres', 3, 'unknown key', 'address'],
      ['nodes.web-2.address', 4, 'balancer.listen', 'another port'],
      ['nodes.web-2.weight', 4, '1 to 1000', '1'],
      ['nodes.Web-3', 5, 'no id', 'a-z'],
      ['nodes.Web-3.address', 5, 'no port', 'host:port'],
      ['app.command', 6, 'missing', 'command: node server.js'],
      ['app.env.DEBUG', 7, 'not a number', 'quotes'],
      ['rollout.minAvailable', 8, 'not 50', '50%'],
      ['rollout.bake', 8, 'not 5', '5s'],
      ['name', 9, 'duplicate key', 'keep one'],
    ],
  },
  {
    name: 'mistakes before a syntax error, and none that it makes up',
    yaml: `name: Shop
health: { rise: 0 }
nodes:
\tweb-1: { address: 127.0.0.1:3001 }
`,
    problems: [
      ['name', 1, 'must be a name', 'a-z'],
      ['health.rise', 2, '1 to 100', '1'],
      ['', 4, 'a tab', 'spaces'],
    ],
  },
]

export const badConfigurations: readonly BadConfiguration[] = [
  ...[
    file,
    syntax,
    keys,
    names,
    addresses,
    badBalancers,
    apps,
    badTomcats,
    numbers,
    floors,
    badRamps,
    health,
    stores,
    several,
  ].flat(),
]
