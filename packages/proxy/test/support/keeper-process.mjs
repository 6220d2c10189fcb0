// A keeper in a process of its own, to be killed: argv is the configuration and the folder; prints its balancer's pid and port.
import { readFileSync } from 'node:fs'
import { keepProxyRunning } from '@baton/proxy'

const [, , config = '', folder = ''] = process.argv
const keeper = await keepProxyRunning({ config: JSON.parse(readFileSync(config, 'utf8')), folder })
process.stdout.write(`${JSON.stringify({ pid: keeper.pid(), port: keeper.address().port })}\n`)
process.on('SIGTERM', async () => {
  await keeper.stop({ graceMs: 1_000 })
  process.exit(0)
})
