import { describe, expect, onTestFinished, test } from 'vitest'
import { startTraffic, type TrafficOptions } from '../src/traffic/traffic.ts'
import { type Verdict, verdictLines } from '../src/traffic/verdict.ts'
import { waitFor } from '../src/wait-for.ts'
import { type Faults, type FaultyShop, startFaultyShop } from './faulty-shop.ts'

const clean = { clean: true, failed: 0, lost: 0, doubled: 0, logouts: 0, wrongCarts: 0 }

describe('against a server that does everything right', () => {
  test('the verdict is clean, and the schedule and the share of POSTs are kept', async () => {
    const { verdict, shop } = await rideThrough({}, { requests: 400 })

    expect(verdict).toMatchObject({ ...clean, users: 5, reconnects: 0 })
    expect(verdict.orders).toBe(shop.orders.length)
    expect(verdict.ratePerSecond).toBeGreaterThan(300)
    const posts = verdict.ledger.filter((entry) => entry.method === 'POST').length
    expect(posts / verdict.requests).toBeGreaterThan(0.15)
    expect(posts / verdict.requests).toBeLessThan(0.45)
  })

  test('every answer is in the ledger once, with its user, node, status and times', async () => {
    const { verdict } = await rideThrough({}, { requests: 100 })

    expect(new Set(verdict.ledger.map((entry) => entry.id)).size).toBe(verdict.requests)
    for (const entry of verdict.ledger) {
      expect(entry).toMatchObject({ node: 'web-1', problem: null, error: null })
      expect(entry.user).toMatch(/^user-/)
      expect(entry.status).toBeLessThan(300)
      expect(entry.latencyMs).toBeGreaterThanOrEqual(entry.lateMs)
      expect(Math.abs(entry.startedAt - Date.now())).toBeLessThan(60_000)
    }
    expect(verdict.nodes).toEqual({ 'web-1': verdict.requests })
  })

  test('requests are counted in the phase in which they fell due', async () => {
    const shop = await openShop()
    const traffic = await startTraffic({ url: shop.url, ...small })
    await waitFor(() => traffic.snapshot().requests > 50, { what: '50 requests' })
    traffic.mark('during')
    await waitFor(() => traffic.snapshot().requests > 150, { what: '100 more' })
    const { phases } = await traffic.stop()

    expect(Object.keys(phases)).toEqual(['before', 'during', 'final'])
    expect(phases.before?.requests).toBeGreaterThan(40)
    expect(phases.during?.requests).toBeGreaterThan(50)
    expect(phases.during?.p99Ms).toBeGreaterThanOrEqual(phases.during?.p50Ms ?? Number.POSITIVE_INFINITY)
    expect(phases.final?.requests).toBe(small.users)
  })

  test('lost and doubled orders are unknown where nobody reads what was recorded', async () => {
    const shop = await openShop()
    const traffic = await startTraffic({ url: shop.url, ...small })
    const verdict = await traffic.stop()

    expect(verdict).toMatchObject({ clean: true, lost: null, doubled: null })
    expect(verdictLines(verdict)).toContain('lost          not checked')
  })
})

describe('what goes wrong is seen, each as often as it happened', () => {
  const failures: (keyof Faults)[] = ['resets', 'cuts', 'answers500', 'unacknowledgedOrders']
  test.each(failures)('%s are failed requests, and are not sent again', async (fault) => {
    const { verdict, shop } = await rideThrough({ [fault]: 7 })

    expect(shop.happened[fault]).toBe(7)
    expect(verdict).toMatchObject({ ...clean, clean: false, failed: 7 })
    const items = shop.received.filter((item) => item !== '')
    expect(new Set(items).size).toBe(items.length)
  })

  test('an answer that never comes is a failed request', async () => {
    const { verdict } = await rideThrough({ hangs: 3 }, { timeoutMs: 300 })

    expect(verdict).toMatchObject({ failed: 3, clean: false })
    expect(verdict.problems[0]?.error).toBe('no complete answer within 300 ms')
  })

  test('orders that were acknowledged and not recorded are lost', async () => {
    expect((await rideThrough({ losesOrders: 4 })).verdict).toMatchObject({ ...clean, clean: false, lost: 4 })
  })

  test('orders that were recorded twice are doubled', async () => {
    expect((await rideThrough({ doublesOrders: 4 })).verdict).toMatchObject({ ...clean, clean: false, doubled: 4 })
  })

  test('an answer with the name of another user is a logout', async () => {
    const { verdict } = await rideThrough({ mixesUpUsers: 3 })

    expect(verdict).toMatchObject({ clean: false, failed: 0, logouts: 3 })
    expect(verdict.problems[0]?.error).toMatch(/^answered as user-/)
  })

  test('a page that sends to the login is a logout', async () => {
    expect((await rideThrough({ logsOut: 3 })).verdict).toMatchObject({ ...clean, clean: false, logouts: 3 })
  })

  test('a forgotten session is a logout with every request from then on', async () => {
    const { verdict } = await rideThrough({ forgetsSessions: 1 })

    expect(verdict).toMatchObject({ clean: false, failed: 0 })
    expect(verdict.logouts).toBeGreaterThan(5)
    expect(new Set(verdict.problems.map((entry) => entry.user)).size).toBe(1)
    const errors = verdict.ledger.flatMap((entry) => entry.error ?? [])
    expect(errors).toContain('answered as nobody')
    expect(errors).toContain('status 401: {"error":"log in first"}')
  })

  test.each(['losesItems', 'doublesItems'] as const)('a server that %s has wrong carts', async (fault) => {
    const { verdict, shop } = await rideThrough({ [fault]: 1 }, { postShare: 0.9 })

    expect(shop.happened[fault]).toBe(1)
    expect(verdict).toMatchObject({ clean: false, failed: 0, logouts: 0 })
    expect(verdict.wrongCarts).toBeGreaterThan(0)
    expect(verdict.problems[0]?.error).toMatch(fault === 'losesItems' ? /missing|does not show/ : /is there twice/)
  })

  test('the lines for people name the first bad answers', async () => {
    const { verdict } = await rideThrough({ answers500: 1 })

    expect(verdictLines(verdict).join('\n')).toMatch(
      /failed: .*Z (GET|POST) \/\w* of user-.* by web-1 .*status 500: .*out of order/,
    )
  })
})

test('the schedule does not wait for a server that stalls, and the waiting counts as latency', async () => {
  const shop = await openShop()
  const traffic = await startTraffic({ url: shop.url, ...small, clients: 4, ratePerSecond: 100, timeoutMs: 500 })
  Object.assign(shop.faults, { hangs: 4 })
  // All four clients hang for half a second: what falls due meanwhile has nobody to send it.
  await waitFor(() => traffic.snapshot().waiting > 20, { what: 'requests that wait' })
  await waitFor(() => traffic.snapshot().requests > 100, { what: 'the end of the jam' })
  const verdict = await traffic.stop()

  expect(verdict.failed).toBe(4)
  expect(verdict.worstLateMs).toBeGreaterThan(200)
  const late = verdict.ledger.filter((entry) => entry.problem === null && entry.lateMs > 200)
  expect(late.length).toBeGreaterThan(10)
  for (const entry of late) expect(entry.latencyMs).toBeGreaterThan(200)
  expect(verdict.ratePerSecond).toBeGreaterThan(80)
})

test('traffic does not start where users cannot log in', async () => {
  const shop = await openShop({ answers500: 1 })
  await expect(startTraffic({ url: shop.url, ...small })).rejects.toMatchObject({
    code: 'login-failed',
    message: expect.stringContaining('status 500'),
  })
  await shop.close()
  await expect(startTraffic({ url: shop.url, ...small })).rejects.toThrow('ECONNREFUSED')
})

const small = { clients: 16, ratePerSecond: 400, users: 5 }

async function openShop(faults: Faults = {}): Promise<FaultyShop> {
  const shop = await startFaultyShop(faults)
  onTestFinished(shop.close)
  return shop
}

/** Traffic of at least `requests` requests against a shop in which these faults begin once all users are logged in. */
async function rideThrough(
  faults: Faults,
  options: Partial<TrafficOptions> & { requests?: number } = {},
): Promise<{ verdict: Verdict; shop: FaultyShop }> {
  const shop = await openShop()
  const recordedOrders = async () => shop.orders
  const traffic = await startTraffic({ url: shop.url, ...small, recordedOrders, ...options })
  Object.assign(shop.faults, faults)
  const { requests = 150 } = options
  await waitFor(() => traffic.snapshot().requests >= requests, { what: `${requests} requests` })
  return { verdict: await traffic.stop(), shop }
}
