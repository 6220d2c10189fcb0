import { join } from 'node:path'
import { type FrontKind, repository } from '@baton/testkit'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { needFront } from '../balancer-view.ts'
import { eventOf, parseEvents, timeOf } from '../events.ts'
import { openRig, type Rig } from '../rig.ts'
import { setRollout } from '../rollout.ts'
import { type InFlight, openWebSocket, slowAnswer, slowStream, slowUpload } from './client.ts'

const app = join(repository, 'e2e/drains/app')
/** The node that a roll drains first. */
const first = 'web-1'
let rig: Rig

/** How drains go behind one kind of balancer: a file for each, as most of it is waiting. */
export function describeDrains({ balancer, closesLongLived, streamsUploads }: Front): void {
  let opened: Rig | undefined
  beforeEach(async (context) => {
    needFront(balancer, context)
    opened ??= await openRig({ balancer, nodes: 2, source: app, stopTimeout: '1s' })
    rig = opened
  }, 90_000)
  afterAll(() => opened?.remove(), 60_000)

  test('slow answers, uploads, downloads and event streams end whole across a drain, which ends when they do', {
    timeout: 90_000,
  }, async () => {
    await setRollout(rig, '{ batch: 1, minAvailable: 50%, drainTimeout: 30s, bake: 100ms }')
    const answer = await slow(8_000)
    const upload = await slowUpload(rig.url, streamsUploads ? first : null, 5_000)
    const download = await slowStream(rig.url, '/download', first, 5_000)
    const stream = await slowStream(rig.url, '/events', first, 5_000)

    const { exitCode, stdout } = await deploy()
    const events = parseEvents(stdout)
    const [draining, drained] = [eventOf(events, 'node.draining', first), eventOf(events, 'node.drained', first)]
    const acrossTheDrain = async (request: InFlight, node = first) => {
      const whole = await request.answer
      expect(whole).toMatchObject({ status: 200, node })
      expect(request.begunAt).toBeLessThan(timeOf(draining))
      expect(whole.endedAt).toBeGreaterThan(timeOf(draining))
      return whole
    }

    expect(exitCode).toBe(0)
    const longest = await acrossTheDrain(answer)
    expect(longest.body).toBe('slept 8000 ms\n')
    expect((await acrossTheDrain(upload, streamsUploads ? first : 'web-2')).body).toBe(upload.sha256)
    const chunks = (await acrossTheDrain(download)).body.split('\n')
    expect([chunks.length, chunks.at(-2)]).toEqual([52, 'whole'])
    const ticks = (await acrossTheDrain(stream)).body.split('\n\n')
    expect([ticks[0], ticks.length, ticks.at(-2)]).toEqual(['data: 0', 52, 'event: bye\ndata:'])

    expect(drained).toMatchObject({ inflight: 0, forced: false })
    const afterItsEndMs = timeOf(drained) - longest.endedAt
    const idleMs = durationOf(events, 'web-2')
    console.log(
      `${balancer}: drained ${afterItsEndMs} ms after the end of the 8 s answer; with nothing in flight in ${idleMs} ms`,
    )
    expect(afterItsEndMs).toBeLessThan(500)
    expect(idleMs).toBeLessThan(300)
  })

  test.runIf(closesLongLived)(
    'a WebSocket and an endless stream are waited for, then closed at the deadline, and the roll goes on',
    {
      timeout: 60_000,
    },
    async () => {
      await setRollout(rig, '{ batch: 1, minAvailable: 50%, drainTimeout: 2s, bake: 100ms }')
      const { drained, socket, stream } = await rollOverLongLived()
      expect(socket.code).toBe(1012)
      expect(socket.openMs).toBeGreaterThanOrEqual(2_000)
      expect(await stream).not.toContain('bye')
      console.log(`WebSocket closed with ${socket.code}; ${first} drained after ${drained.waitedMs} ms`)
    },
  )

  test.runIf(!closesLongLived)(
    'a WebSocket and an endless stream are waited for, and end with the node when the deadline is over',
    {
      timeout: 60_000,
    },
    async () => {
      await setRollout(rig, '{ batch: 1, minAvailable: 50%, drainTimeout: 2s, onDrainTimeout: force, bake: 100ms }')
      const { drained, socket, stream } = await rollOverLongLived()
      // The app that stops says no goodbye, and the balancer cannot say it in its place (RFC 6455 7.1.5).
      expect(socket.code).toBe(1006)
      expect(socket.openMs).toBeGreaterThanOrEqual(2_000)
      expect(await stream).toBe('cut off')
      console.log(
        `${balancer}: WebSocket cut with ${socket.code}; ${first} drained by force after ${drained.waitedMs} ms`,
      )
    },
  )

  test('onDrainTimeout: abort puts the node back when a request takes longer, and the request ends whole', {
    timeout: 60_000,
  }, async () => {
    await setRollout(rig, '{ drainTimeout: 1s, onDrainTimeout: abort, bake: 100ms }')
    const before = await rig.status()
    const answer = await slow(8_000)
    const { exitCode, stdout, stderr } = await rig.run('deploy')
    const endedAt = Date.now()

    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' })
    expect(stdout).toContain('web-1 failed to drain: 1 request is still in flight on web-1 after 1 s')
    expect(stdout).toContain('raise rollout.drainTimeout')
    expect(stdout).toContain('rolled-back')
    const whole = await answer.answer
    expect(whole).toMatchObject({ status: 200, node: first, body: 'slept 8000 ms\n' })
    // It was the deploy that gave up, not the request that ended.
    expect(endedAt).toBeLessThan(whole.endedAt)
    expect(await rig.status()).toEqual(before)
    expect(before.nodes.map(({ state }) => state)).toEqual(['serving', 'serving'])
  })

  test('onDrainTimeout: force cuts off what takes longer, and says so', { timeout: 60_000 }, async () => {
    await setRollout(rig, '{ drainTimeout: 1s, onDrainTimeout: force, bake: 100ms }')
    const answer = await slow(30_000)
    const { exitCode, stdout } = await rig.run('deploy', '--release', 'forced')

    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/web-1 drained by force after 1\.\d s: 1 in flight were cut off/)
    const cutOff = await answer.answer.then(
      ({ status }) => `status ${status}`,
      (error: NodeJS.ErrnoException) => error.code,
    )
    expect(cutOff).toBe('status 502')
    expect((await rig.status()).release).toBe('forced')
  })
}

export interface Front {
  readonly balancer: FrontKind
  /** With WebSocket close code 1012, and at the end of a chunk. */
  readonly closesLongLived: boolean
  /** To the node, while the client still sends. */
  readonly streamsUploads: boolean
}

/** A roll while the first node has a WebSocket and a stream that never end. */
async function rollOverLongLived() {
  const client = await openWebSocket(rig.url, first)
  const { answer } = await slowStream(rig.url, '/events', first, 60_000)
  const stream = answer.then(
    ({ body }) => body,
    () => 'cut off',
  )
  const closed = new Promise<{ code: number; at: number }>((resolve) => {
    client.once('close', (code) => resolve({ code, at: Date.now() }))
  })

  const rolling = rig.start('deploy', '--json')
  await rolling.line(/"node.draining"/)
  const echoed = new Promise((resolve) => client.once('message', (message) => resolve(String(message))))
  client.send('still there?')
  expect(await echoed).toBe(`${first}: still there?`)

  const { exitCode, stdout } = await rolling.exited()
  expect(exitCode).toBe(0)
  const events = parseEvents(stdout)
  const drained = eventOf(events, 'node.drained', first)
  expect(drained).toMatchObject({ forced: true, inflight: 2 })
  expect(drained.waitedMs).toBeGreaterThanOrEqual(2_000)
  expect(drained.waitedMs).toBeLessThan(4_000)
  expect(eventOf(events, 'node.drained', 'web-2')).toMatchObject({ forced: false, inflight: 0 })
  const { code, at } = await closed
  return { drained, stream, socket: { code, openMs: at - timeOf(eventOf(events, 'node.draining', first)) } }
}

function slow(ms: number): Promise<InFlight> {
  return slowAnswer(rig.url, { node: first, nodeUrl: `http://127.0.0.1:${rig.ports[0]}`, ms })
}

function deploy() {
  return rig.run('deploy', '--json')
}

function durationOf(events: ReturnType<typeof parseEvents>, node: string): number {
  return timeOf(eventOf(events, 'node.drained', node)) - timeOf(eventOf(events, 'node.draining', node))
}
