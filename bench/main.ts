import { parseArgs } from 'node:util'
import { keepAwake } from './awake.ts'
import { benchBalancers } from './balancers/balancers-bench.ts'
import { benchEngine } from './engine/engine-bench.ts'
import { benchNginx } from './nginx/nginx-bench.ts'
import { benchProxy } from './proxy/proxy-bench.ts'
import { benchRoll } from './roll/roll-bench.ts'
import { benchSession } from './session/session-bench.ts'
import { benchTomcat } from './tomcat/tomcat-bench.ts'

const usage = `npm run bench -- proxy [--seconds N] [--rounds N] [--quick] [--only NAME,…]
npm run bench -- nginx [--seconds N] [--rounds N] [--quick]
npm run bench -- balancers [--cycles N] [--quick] [--only NAME,…]
npm run bench -- roll [--rolls N] [--quick]
npm run bench -- engine [--rounds N] [--quick]
npm run bench -- session [--seconds N] [--rounds N] [--quick] [--only NAME,…]
npm run bench -- tomcat [--seconds N] [--rounds N] [--quick] [--only NAME,…]

proxy      the embedded balancer beside http-proxy, @fastify/http-proxy, Caddy, HAProxy and nginx: requests a second,
           latency and memory, for small answers, 64 KiB answers and POST bodies, at 2 and at 1,000 nodes
nginx      dynamic nginx beside the same nginx with a static upstream: requests a second and latency at 2 and at 1,000
           nodes, and how long a change of state takes until every worker obeys
balancers  drains and joins of a node under traffic: what fails with each balancer, and with nginx reloaded by hand
roll       what a roll of two nodes costs beyond the app's own stop, start and checks
engine     what deciding costs: a roll of 1,000 nodes without a world
session    shared sessions beside express-session, @fastify/session, iron-session and no sessions: requests a second and
           processor time a request, for sessions of 2 KB and 50 KB, reads and writes
tomcat     Tomcat's sessions beside those in memory, PersistentValve with FileStore and redisson-tomcat: requests a second,
           processor time a request, and memory

--quick is a smoke run: its figures mean nothing. Results are written to bench/results/.`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    cycles: { type: 'string', default: '100' },
    rolls: { type: 'string', default: '5' },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const { quick } = values
const only = values.only?.split(',') ?? null

const benches = new Map<string | undefined, () => Promise<void>>(
  Object.entries({
    proxy: () => benchProxy({ ...lengths({ seconds: 5, rounds: 3 }), only }),
    nginx: () => benchNginx(lengths({ seconds: 1, rounds: 20 })),
    balancers: () => benchBalancers({ cycles: quick ? 5 : Number(values.cycles), quick, only }),
    roll: () => benchRoll({ rolls: quick ? 1 : Number(values.rolls), quick }),
    engine: () => benchEngine({ rounds: quick ? 1 : Number(values.rounds ?? 3), quick }),
    session: () => benchSession({ ...lengths({ seconds: 2, rounds: 5 }), only }),
    tomcat: () => benchTomcat({ ...lengths({ seconds: 2, rounds: 4 }), only }),
  }),
)
const bench = positionals.length === 1 ? benches.get(positionals[0]) : undefined

if (values.help || bench === undefined) {
  console.log(usage)
  process.exitCode = values.help ? 0 : 2
} else {
  const letSleep = keepAwake()
  try {
    await bench()
  } finally {
    letSleep()
  }
}

/** What the command line says, or these where it says nothing; the least for a smoke run. */
function lengths(usual: { readonly seconds: number; readonly rounds: number }) {
  const { seconds = usual.seconds, rounds = usual.rounds } = values
  return quick ? { seconds: 1, rounds: 1, quick } : { seconds: Number(seconds), rounds: Number(rounds), quick }
}
