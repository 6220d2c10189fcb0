import { relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type FrontKind, repository, startRedis, startTraffic, verdictLines } from '@baton/testkit'
import { type DemoArguments, readArguments } from './arguments.ts'
import { createProgress, type Progress } from './progress.ts'
import { followRoll, type Roll, readEvents } from './roll.ts'
import { missingServers } from './servers.ts'
import { openShop, type ShopSite, sweepShop } from './shop-site.ts'
import { nodeShop, tomcatShop } from './shops.ts'

/** What the story calls them. */
const balancers: Readonly<Record<FrontKind, string>> = {
  embedded: "Baton's balancer",
  nginx: 'nginx with two workers',
  haproxy: 'HAProxy',
}

/** Ctrl-C, or a polite kill. */
const interrupted = new AbortController()

/** What is to be undone at the end, the last first; also when the user does not wait for it. */
const cleanups: (() => Promise<void>)[] = []
let cleaned: Promise<void> | undefined

function cleanUp(): Promise<void> {
  cleaned ??= (async () => {
    for (const cleanup of cleanups.reverse()) await cleanup().catch(tell)
  })()
  return cleaned
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, async () => {
    interrupted.abort()
    await cleanUp()
    process.exit(130)
  })
}

const asked = readArguments(process.argv.slice(2))
const missing = 'text' in asked ? null : missingServers(asked)
if ('text' in asked) {
  console.log(asked.text)
  process.exitCode = asked.exitCode
} else if (missing !== null) {
  console.log(missing)
  process.exitCode = 2
} else {
  try {
    process.exitCode = await runDemo(asked, createProgress(process.stdout))
  } catch (error) {
    // What an interruption cuts off is no news.
    if (!interrupted.signal.aborted) tell(error)
    process.exitCode = 1
  } finally {
    await cleanUp()
  }
}

async function runDemo(options: DemoArguments, progress: Progress): Promise<number> {
  const startedAt = performance.now()
  const shop = options.tomcat ? tomcatShop() : nodeShop
  const nodes = options.tomcat ? 'two Tomcats with' : 'two nodes of'
  progress.say(`Starting ${balancers[options.balancer]} and ${nodes} ${shop.name}, v1 …`)
  const store = await sessionStore(options)
  cleanups.push(sweepShop)
  const site = await openShop({ balancer: options.balancer, shop, sessionStore: store })
  cleanups.push(site.stop)
  await site.ready()
  progress.say(`The shop serves at ${site.url}. ${options.users} users log in …`)

  const { ratePerSecond, users } = options
  const traffic = await startTraffic({ url: site.url, ratePerSecond, users, recordedOrders: site.recordedOrders })
  cleanups.push(async () => void (await traffic.stop()))
  const quiet = Object.fromEntries(site.nodeIds.map((node) => [node, 'serves v1']))
  const show = async (nodes: Readonly<Record<string, string>>) => {
    progress.show({ ...quiet, ...nodes }, traffic.snapshot())
    await sleep(200, undefined, { signal: interrupted.signal })
  }
  const showFor = async (ms: number, nodes: Readonly<Record<string, string>>) => {
    for (const end = performance.now() + ms; performance.now() < end; ) await show(nodes)
  }
  await showFor(5_000, {})

  const v2 = site.release('v2')
  progress.say(`Rolling v2 over v1: baton deploy ${relative(repository, v2)}`)
  traffic.mark('during')
  const deploy = site.start('deploy', v2, '--json')
  let exitCode: number | null | undefined
  void deploy.exited().then((exit) => {
    exitCode = exit.exitCode
  })
  let roll = followRoll([])
  while (exitCode === undefined) {
    roll = followRoll(readEvents(deploy))
    await show(roll.nodes)
  }
  roll = followRoll(readEvents(deploy))
  traffic.mark('after')
  await showFor(2_000, roll.nodes)
  progress.end()

  const verdict = await traffic.stop()
  const left = (await site.status()).nodes.filter((node) => node.release !== roll.release).map((node) => node.id)
  progress.say('')
  for (const line of verdictLines(verdict)) progress.say(line)
  progress.say(`deploy        ${describeRoll(roll, left)}`)
  progress.say(`total time    ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  if (exitCode !== 0) progress.say(`baton deploy ended with exit code ${exitCode}:\n${deploy.stderr()}`)

  const unnoticed = verdict.clean && verdict.lost === 0 && verdict.doubled === 0
  const done = exitCode === 0 && roll.outcome === 'succeeded' && left.length === 0
  progress.say('')
  progress.say(unnoticed && done ? 'Nobody noticed.' : 'Somebody noticed: see above.')
  if (options.keep) await keepRunning(site, progress)
  return unnoticed && done ? 0 : 1
}

function tell(error: unknown): void {
  console.error(error instanceof Error ? error.message : error)
}

async function sessionStore({ redis }: DemoArguments): Promise<string> {
  if (!redis) return 'embedded'
  const server = await startRedis()
  cleanups.push(server.stop)
  return server.url
}

function describeRoll({ outcome, durationMs, release }: Roll, left: readonly string[]): string {
  const seconds = durationMs === null ? '' : ` in ${(durationMs / 1000).toFixed(1)} s`
  const where = left.length === 0 ? 'all nodes run' : `${left.join(' and ')} do not run`
  return `${outcome ?? 'did not finish'}${seconds}; ${where} ${release ?? 'the new release'}`
}

/** Until Ctrl-C. */
async function keepRunning(site: ShopSite, progress: Progress): Promise<void> {
  progress.say(`It goes on at ${site.url}; baton's folder is .demo/. Ctrl-C stops it.`)
  await new Promise(() => setInterval(() => {}, 60_000))
}
