import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { type Asker, jarAfter, type Reply } from './experiments-client.ts'
import type { TestNode } from './nodes.ts'

// The everyday faults of sessions behind a balancer, looked for in nodes that serve what worker.js serves.

type Nodes = readonly Pick<TestNode, 'origin'>[]

/** Attributes and counts that are missing after `runs` times 50 parallel requests. */
export async function lostUpdates(client: Asker, nodes: Nodes, runs: number) {
  const lost = { attributes: 0, counts: 0 }
  await inLanes(runs, 2, async (run) => {
    const login = await client.ask(`${at(nodes, run)}/login`, undefined)
    const cookie = jarAfter(undefined, login.cookie)
    const replies = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const { status, body } = await client.ask(`${at(nodes, run + i)}/set-and-count?name=n${i}`, cookie)
        expect([status, body.slice(0, 80)]).toEqual([200, expect.anything()])
        return body
      }),
    )
    // Tomcats only set.
    const counted = replies.filter((body) => body !== 'set').length
    const { attributes } = JSON.parse((await client.ask(`${at(nodes, run)}/me`, cookie)).body)
    const { count, ...others } = attributes as Record<string, unknown>
    lost.attributes += 50 - Object.keys(others).length
    lost.counts += counted - Number(count)
  })
  return lost
}

/** Sessions that answer again after their logout, because a request that had begun before wrote after it. */
export async function resurrections(client: Asker, nodes: Nodes, trials: number): Promise<number> {
  let revived = 0
  await inLanes(trials, 10, async (trial) => {
    const login = await client.ask(`${at(nodes, trial)}/login`, undefined)
    const cookie = jarAfter(undefined, login.cookie)
    const slow = client.ask(`${at(nodes, trial + 1)}/slow?ms=${10 + (trial % 20)}`, cookie)
    await sleep(trial % 25)
    await client.ask(`${at(nodes, trial + 2)}/logout`, cookie)
    const late = await slow
    // By the old cookie, and by what the late answer made of it.
    for (const held of [cookie, jarAfter(undefined, late.cookie)]) {
      const me = JSON.parse((await client.ask(`${at(nodes, trial)}/me`, held)).body)
      if (me.user === null && Object.keys(me.attributes).length === 0) continue
      revived += 1
      break
    }
  })
  return revived
}

/** Browsers that are not logged in after a login and two writes by the old id, in some order of the three answers. */
export async function lostLogins(client: Asker, nodes: Nodes, trials: number): Promise<number> {
  let loggedOut = 0
  await inLanes(trials, 10, async (trial) => {
    const first = await client.ask(`${at(nodes, trial)}/set?name=visited`, undefined)
    const old = jarAfter(undefined, first.cookie)
    const replies = await Promise.all([
      client.ask(`${at(nodes, trial)}/login`, old),
      afterA(Math.random() * 8, () => client.ask(`${at(nodes, trial + 1)}/set?name=a`, old)),
      afterA(Math.random() * 8, () =>
        trial % 4 === 0
          ? client.ask(`${at(nodes, trial + 2)}/login`, old)
          : client.ask(`${at(nodes, trial + 2)}/slow?ms=3`, old),
      ),
    ])
    const jars = new Set(orders(replies).map((order) => order.reduce((jar, { cookie }) => jarAfter(jar, cookie), old)))
    const users = await Promise.all([...jars].map((jar) => client.ask(`${at(nodes, trial + 1)}/me`, jar)))
    if (users.some((me) => userOf(me) !== 'ann')) loggedOut += 1
  })
  return loggedOut
}

/** Browsers that follow the redirect after their login on `late` at once, to `prompt`, and are not logged in there. */
export async function lostRedirects(
  client: Asker,
  { late, prompt }: { readonly late: string; readonly prompt: string },
  trials: number,
): Promise<number> {
  let failures = 0
  await inLanes(trials, 40, async () => {
    const login = await client.askForHead(`${late}/login`, undefined)
    const me = await client.ask(`${prompt}${login.location}`, jarAfter(undefined, login.cookie))
    if (userOf(me) !== 'ann') failures += 1
  })
  return failures
}

export function tell(what: string, figures: Readonly<Record<string, number>>): void {
  console.log(
    `${what}: ${Object.entries(figures)
      .map(([name, figure]) => `${name} ${figure}`)
      .join(', ')}`,
  )
}

function orders(replies: readonly Reply[]): readonly (readonly Reply[])[] {
  if (replies.length < 2) return [replies]
  return replies.flatMap((reply, i) => orders(replies.toSpliced(i, 1)).map((rest) => [reply, ...rest]))
}

async function afterA<T>(delayMs: number, work: () => Promise<T>): Promise<T> {
  await sleep(delayMs)
  return work()
}

function at(nodes: Nodes, i: number): string {
  return nodes[i % nodes.length]?.origin ?? ''
}

function userOf({ body }: Reply): unknown {
  return JSON.parse(body).user
}

/** `count` trials, at most `lanes` of them at a time. */
async function inLanes(count: number, lanes: number, trial: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: Math.min(lanes, count) }, async () => {
      while (next < count) await trial(next++)
    }),
  )
}
