import { parseArgs } from 'node:util'
import { benchEngine } from './engine/engine-bench.ts'
import { benchProxy } from './proxy/proxy-bench.ts'
import { benchRoll } from './roll/roll-bench.ts'

const usage = `npm run bench -- proxy [--seconds N] [--rounds N] [--quick] [--only NAME,…]
npm run bench -- roll [--rolls N] [--quick]
npm run bench -- engine [--rounds N] [--quick]

proxy   the embedded balancer beside http-proxy, @fastify/http-proxy, Caddy, HAProxy and nginx: requests a second,
        latency and memory, for small answers, 64 KiB answers and POST bodies, at 2 and at 1,000 nodes
roll    what a roll of two nodes costs beyond the app's own stop, start and checks
engine  what deciding costs: a roll of 1,000 nodes without a world

--quick is a smoke run: its figures mean nothing. Results are written to bench/results/.`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    rolls: { type: 'string', default: '5' },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help || positionals.length !== 1) {
  console.log(usage)
  process.exitCode = values.help ? 0 : 2
} else if (positionals[0] === 'proxy') {
  const seconds = values.quick ? 1 : Number(values.seconds)
  const rounds = values.quick ? 1 : Number(values.rounds)
  await benchProxy({ seconds, rounds, quick: values.quick, only: values.only?.split(',') ?? null })
} else if (positionals[0] === 'roll') {
  await benchRoll({ rolls: values.quick ? 1 : Number(values.rolls), quick: values.quick })
} else if (positionals[0] === 'engine') {
  await benchEngine({ rounds: values.quick ? 1 : Number(values.rounds), quick: values.quick })
} else {
  console.log(usage)
  process.exitCode = 2
}
