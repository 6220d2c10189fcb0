import { address, type BadConfiguration, sound } from './sound.ts'

function balancer(fields: string): string {
  return `${sound}balancer: { ${fields} }\n`
}

const haproxy = 'driver: haproxy, socket: /run/haproxy/admin.sock'

export const badBalancers: readonly BadConfiguration[] = [
  {
    name: 'a mistyped balancer',
    yaml: balancer('driver: ngnix'),
    problems: [['balancer.driver', 6, 'must be embedded or nginx or haproxy, not "ngnix"', 'did you mean nginx?']],
  },
  {
    name: 'fields of the embedded balancer under nginx',
    yaml: `${sound}balancer:\n  driver: nginx\n  trustForwarded: true\n  idleTimeout: 75s\n`,
    problems: [
      ['balancer.trustForwarded', 8, 'read by the driver embedded alone', 'remove it, or write driver: embedded'],
      ['balancer.idleTimeout', 9, 'read by the driver embedded alone', 'remove it, or write driver: embedded'],
    ],
  },
  {
    name: 'fields of nginx and HAProxy where no driver is named',
    yaml: balancer('mode: reload, state: /var/lib/shop, socket: /run/h.sock'),
    problems: [
      ['balancer.mode', 6, 'read by the driver nginx alone', 'write driver: nginx'],
      ['balancer.state', 6, 'read by the driver nginx alone', 'write driver: nginx'],
      ['balancer.socket', 6, 'read by the driver haproxy alone', 'write driver: haproxy'],
    ],
  },
  {
    name: 'fields of nginx under haproxy',
    yaml: balancer(`${haproxy}, command: nginx, include: /etc/nginx/conf.d`),
    problems: [
      ['balancer.command', 6, 'read by the driver nginx alone', 'remove it'],
      ['balancer.include', 6, 'read by the driver nginx alone', 'remove it'],
    ],
  },
  {
    name: 'haproxy without its socket',
    yaml: balancer('driver: haproxy, backend: shop'),
    problems: [['balancer.socket', 6, 'missing, and the driver haproxy needs it', 'socket: /run/haproxy/admin.sock']],
  },
  {
    name: 'a mistyped socket, which is not missing as well',
    yaml: balancer('driver: haproxy, sokcet: /run/h.sock'),
    problems: [['balancer.sokcet', 6, 'unknown key', 'did you mean socket?']],
  },
  {
    name: 'a weight that HAProxy does not know',
    yaml: `${address('127.0.0.1:3002, weight: 257').replace('3001', '3001, weight: 257')}balancer: { ${haproxy} }\n`,
    problems: [
      ['nodes.web-1.weight', 4, '257 is more than HAProxy knows', 'write 1 to 256'],
      ['nodes.web-2.weight', 5, '257 is more than HAProxy knows', 'in proportion'],
    ],
  },
  {
    name: 'a relative folder',
    yaml: balancer('driver: nginx, include: conf.d, state: ./nginx'),
    problems: [
      ['balancer.include', 6, 'must be an absolute path, not "conf.d"', 'begins with /'],
      ['balancer.state', 6, 'must be an absolute path, not "./nginx"', 'begins with /'],
    ],
  },
  {
    name: 'a path that would end a directive of nginx',
    yaml: balancer(`driver: nginx, state: "/var/lib/shop; user root"`),
    problems: [['balancer.state', 6, 'special character', 'plain characters']],
  },
  {
    name: 'a socket that is an address',
    yaml: balancer('driver: haproxy, socket: 127.0.0.1:9999'),
    problems: [['balancer.socket', 6, 'must be an absolute path, not "127.0.0.1:9999"', 'begins with /']],
  },
  {
    name: 'a socket whose path is too long for the system',
    yaml: balancer(`driver: haproxy, socket: /run/${'x'.repeat(103)}`),
    problems: [['balancer.socket', 6, '107 bytes', 'a shorter one']],
  },
  {
    name: 'a mode that is none',
    yaml: balancer('driver: nginx, mode: lua'),
    problems: [['balancer.mode', 6, 'must be dynamic or reload, not "lua"', 'write dynamic or reload']],
  },
  {
    name: 'a command of nginx that needs a shell',
    yaml: balancer('driver: nginx, command: sudo nginx && true'),
    problems: [['balancer.command', 6, 'a shell', `sh -c '…'`]],
  },
  {
    name: 'a backend with a space',
    yaml: balancer(`${haproxy}, backend: the shop`),
    problems: [['balancer.backend', 6, 'must be the name of a backend, not "the shop"', 'letters, digits']],
  },
  {
    name: 'a node where nginx listens',
    yaml: balancer('driver: nginx, listen: 127.0.0.1:3002'),
    problems: [['nodes.web-2.address', 5, 'is the address of balancer.listen as well', 'another port']],
  },
]
