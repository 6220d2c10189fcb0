import { parseArgs } from 'node:util'
import type { FrontKind } from '@baton/testkit'

export interface DemoArguments {
  /** What stands in front of the nodes. */
  readonly balancer: FrontKind
  /** Leave balancer and nodes running after the verdict. */
  readonly keep: boolean
  readonly ratePerSecond: number
  readonly users: number
  /** Keep the sessions in a redis-server instead of LMDB. */
  readonly redis: boolean
  /** Nodes are Tomcats with examples/nginx-tomcat-redis instead of examples/shop in Node.js. */
  readonly tomcat: boolean
}

const usage = `npm run demo [-- OPTIONS]

Starts a balancer and two nodes of examples/shop, logs users in, rolls v2 over v1 under their traffic, and says what
they noticed. Exits 0 only if no request failed, none was lost or doubled, and nobody was logged out.

  --nginx      behind an nginx of its own instead of Baton's balancer
  --haproxy    behind a HAProxy of its own instead of Baton's balancer
  --redis      sessions in a redis-server of its own instead of the embedded store
  --tomcat     two Tomcats behind nginx, with sessions in Redis, and examples/nginx-tomcat-redis as a WAR
  --keep       leave it running afterwards, and print the address (Ctrl-C stops it)
  --rate N     requests a second (default 200; 100 with --tomcat)
  --users N    logged-in users (default 20)
  --help       this text`

/** A text instead of arguments is what to tell the user, with the exit code. */
export function readArguments(
  argv: readonly string[],
): DemoArguments | { readonly text: string; readonly exitCode: number } {
  try {
    const flag = { type: 'boolean', default: false } as const
    const { values } = parseArgs({
      args: [...argv],
      options: {
        keep: flag,
        redis: flag,
        help: flag,
        nginx: flag,
        haproxy: flag,
        tomcat: flag,
        rate: { type: 'string' },
        users: { type: 'string', default: '20' },
      },
    })
    if (values.help) return { text: usage, exitCode: 0 }
    if (values.nginx && values.haproxy) throw new Error('--nginx or --haproxy: the shop has one balancer')
    if (values.tomcat && values.haproxy) throw new Error('--tomcat is behind nginx: leave --haproxy out')
    return {
      balancer: values.nginx || values.tomcat ? 'nginx' : values.haproxy ? 'haproxy' : 'embedded',
      keep: values.keep,
      redis: values.redis || values.tomcat,
      tomcat: values.tomcat,
      ratePerSecond: wholeNumber('--rate', values.rate ?? (values.tomcat ? '100' : '200'), 5000),
      users: wholeNumber('--users', values.users, 9999),
    }
  } catch (error) {
    return { text: `${error instanceof Error ? error.message : error}\n\n${usage}`, exitCode: 2 }
  }
}

function wholeNumber(name: string, text: string, highest: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= highest) return value
  throw new Error(`${name} must be a whole number from 1 to ${highest}, not ${text}`)
}
