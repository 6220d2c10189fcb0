import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { BatonEvent, Journals } from '@baton/core'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createFileJournals } from '../../src/journals/file-journals.ts'
import { lineOf } from '../../src/journals/history.ts'
import { eventOf, eventsOf } from './events.ts'

let root: string
let dir: string
let journals: Journals

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'baton-journals-'))
  dir = join(root, '.baton', 'deploys')
  journals = createFileJournals({ dir })
})

afterEach(() => rm(root, { recursive: true, force: true }))

test('what was appended is read back, in order, also while the journal is open', async () => {
  const journal = await journals.open('d1', 1)
  for (const event of eventsOf('d1', 3)) await journal.append(event)
  expect(await journals.read('d1')).toEqual(eventsOf('d1', 3))
  await journal.close()
  expect(await journals.read('d1')).toEqual(eventsOf('d1', 3))
})

test('appends that are not waited for are written in the order they were made', async () => {
  const journal = await journals.open('d1', 1)
  await Promise.all(eventsOf('d1', 50).map((event) => journal.append(event)))
  await journal.close()
  expect(await journals.read('d1')).toEqual(eventsOf('d1', 50))
})

test('journals are for their owner alone, one line an event', async () => {
  await write('d1', 1, eventsOf('d1', 2))
  expect((await stat(dir)).mode & 0o777).toBe(0o700)
  expect((await stat(pathOf('d1'))).mode & 0o777).toBe(0o600)
  const lines = (await readFile(pathOf('d1'), 'utf8')).split('\n')
  expect(lines).toHaveLength(3)
  expect(JSON.parse(lines[1] as string)).toEqual({ ...eventOf('d1', 2), token: 1 })
})

test('deploys are listed by the start they tell, whatever their ids; those that announced nothing are not', async () => {
  expect(await journals.list()).toEqual([])
  const at = (deploy: string, time: string): BatonEvent => ({ ...eventOf(deploy, 1, 'x'.repeat(40_000)), at: time })
  await write('z', 1, [at('z', '2026-01-01T00:00:00.000Z')])
  await write('a', 2, [at('a', '2026-01-03T00:00:00.000Z')])
  await write('m', 3, [at('m', '2026-01-02T00:00:00.000Z')])
  await write('empty', 4, [])
  await writeFile(join(dir, 'notes.txt'), 'not a journal')
  expect(await journals.list()).toEqual(['z', 'm', 'a'])
})

test('a deploy that is not there is an error that says where to look', async () => {
  await expect(journals.read('d9')).rejects.toMatchObject({ code: 'deploy-unknown', hint: 'baton history' })
})

test.each(['', '.', '..', '../d1', 'a/b', 'a\\b', 'a\0b', '.hidden', '-x', 'x'.repeat(200)])(
  'a deploy cannot be called %j',
  async (deploy) => {
    await expect(journals.read(deploy)).rejects.toMatchObject({ code: 'deploy-id-invalid' })
    await expect(journals.open(deploy, 1)).rejects.toMatchObject({ code: 'deploy-id-invalid' })
  },
)

test('an event that is not the next one, or is another deploy’s, is refused and nothing is written', async () => {
  const journal = await journals.open('d1', 1)
  await journal.append(eventOf('d1', 1))
  for (const wrong of [eventOf('d1', 1), eventOf('d1', 3), eventOf('d2', 2)]) {
    await expect(journal.append(wrong)).rejects.toMatchObject({ code: 'journal-out-of-order' })
  }
  await journal.append(eventOf('d1', 2))
  await journal.close()
  expect(await journals.read('d1')).toEqual(eventsOf('d1', 2))
})

test('cut at every byte, a journal loses its torn line and no complete one, and can be continued', async () => {
  await write('d1', 1, eventsOf('d1', 4))
  const whole = await readFile(pathOf('d1'))
  for (let cut = 0; cut <= whole.length; cut++) {
    const complete = whole.subarray(0, cut).toString('latin1').split('\n').length - 1
    await writeFile(pathOf('d1'), whole.subarray(0, cut))
    expect(await journals.read('d1')).toEqual(eventsOf('d1', complete))
    await write('d1', 1, [eventOf('d1', complete + 1)])
    expect(await journals.read('d1')).toEqual(eventsOf('d1', complete + 1))
  }
})

test('any torn end that a power failure leaves, zeros and garbage too, is left out and then cut away', async () => {
  const torn = fc
    .tuple(fc.nat(5), fc.uint8Array({ minLength: 1, maxLength: 80 }), fc.boolean())
    .map(([count, noise, newline]) => {
      const bytes = Buffer.from(noise.map((byte) => (byte === 0x0a ? 0 : byte)))
      return { count, tail: newline ? Buffer.concat([Buffer.from('{\0'), bytes, Buffer.from('\n')]) : bytes }
    })
  await fc.assert(
    fc.asyncProperty(torn, async ({ count, tail }) => {
      await rm(dir, { recursive: true, force: true })
      await write('d1', 1, eventsOf('d1', count))
      await appendFile(pathOf('d1'), tail)
      expect(await journals.read('d1')).toEqual(eventsOf('d1', count))
      await write('d1', 2, [eventOf('d1', count + 1)])
      expect(await journals.read('d1')).toEqual(eventsOf('d1', count + 1))
    }),
    { numRuns: 60 },
  )
})

test.each([
  ['not JSON', (line: string) => line.slice(5)],
  ['not JSON', () => ''],
  ['neither an event nor a claim', () => '7'],
  ['neither an event nor a claim', () => '{"token":1,"seq":2}'],
  ['event 4 where event 2 is due', (line: string) => line.replace('"seq":2', '"seq":4')],
  ['an event of another deploy, d7', (line: string) => line.replace('"d1"', '"d7"')],
])('a damaged line in the middle is an error that names file and line: %s', async (what, damage) => {
  await write('d1', 1, eventsOf('d1', 3))
  const lines = (await readFile(pathOf('d1'), 'utf8')).split('\n')
  lines[1] = damage(lines[1] as string)
  await writeFile(pathOf('d1'), lines.join('\n'))
  const error = {
    code: 'journal-damaged',
    message: `${pathOf('d1')}:2: ${what}`,
    hint: expect.stringContaining('baton status'),
  }
  await expect(journals.read('d1')).rejects.toMatchObject(error)
  await expect(journals.open('d1', 2)).rejects.toMatchObject(error)
  expect(await journals.list()).toEqual(['d1'])
})

test('a former holder that wakes up after another has taken over can append nothing', async () => {
  const former = await journals.open('d1', 5)
  await former.append(eventOf('d1', 1))
  const holder = await journals.open('d1', 6)
  await expect(former.append(eventOf('d1', 2, 'stale'))).rejects.toMatchObject({ code: 'stale-token' })
  await holder.append(eventOf('d1', 2))
  await expect(former.append(eventOf('d1', 3, 'stale'))).rejects.toMatchObject({ code: 'stale-token' })
  await expect(journals.open('d1', 5)).rejects.toMatchObject({ code: 'stale-token' })
  await Promise.all([former.close(), holder.close()])
  expect(await journals.read('d1')).toEqual(eventsOf('d1', 2))
})

test('lines that a former holder still got onto the disk are left out, wherever they stand', async () => {
  await write('d1', 5, eventsOf('d1', 2))
  const holder = await journals.open('d1', 6)
  await staleLine(3)
  await holder.append(eventOf('d1', 3))
  await staleLine(4)
  await staleLine(3)
  await holder.append(eventOf('d1', 4))
  await staleLine(5)
  await holder.close()
  expect(await journals.read('d1')).toEqual(eventsOf('d1', 4))
  await write('d1', 7, [eventOf('d1', 5)])
  expect(await journals.read('d1')).toEqual(eventsOf('d1', 5))

  function staleLine(seq: number): Promise<void> {
    return appendFile(pathOf('d1'), `${JSON.stringify({ ...eventOf('d1', seq, 'stale'), token: 5 })}\n`)
  }
})

test('whatever takeovers, revived holders and torn writes come between, the history is what the holders appended', async () => {
  const acts = fc.array(fc.constantFrom('append', 'take over', 'tear, append', 'tear, take over', 'revive', 'sneak'), {
    maxLength: 30,
  })
  await fc.assert(
    fc.asyncProperty(acts, async (sequence) => {
      await rm(dir, { recursive: true, force: true })
      const holders = [await journals.open('d1', 1)]
      let seq = 0
      for (const act of ['append', ...sequence]) {
        const token = holders.length
        if (act.startsWith('tear')) await appendFile(pathOf('d1'), '{"seq":99,"a')
        if (act.endsWith('append')) await holders.at(-1)?.append(eventOf('d1', ++seq))
        if (act.endsWith('take over')) holders.push(await journals.open('d1', token + 1))
        // Its process checked its token just before the takeover, and wrote just after.
        if (act === 'sneak' && token > 1)
          await appendFile(pathOf('d1'), lineOf(eventOf('d1', seq + 1, 'stale'), token - 1))
        if (act === 'revive' && token > 1) {
          await expect(holders[0]?.append(eventOf('d1', seq + 1))).rejects.toMatchObject({ code: 'stale-token' })
        }
      }
      await Promise.all(holders.map((holder) => holder.close()))
      expect(await journals.read('d1')).toEqual(eventsOf('d1', seq))
    }),
    { numRuns: 60 },
  )
})

test('a journal that was cut short under an open handle is an error, never a gap', async () => {
  const journal = await journals.open('d1', 1)
  await journal.append(eventOf('d1', 1))
  await journal.append(eventOf('d1', 2))
  await truncate(pathOf('d1'), 10)
  await expect(journal.append(eventOf('d1', 3))).rejects.toMatchObject({ code: 'journal-damaged' })
  await journal.close()
})

test('after a write that failed, the journal takes no more, and opening it again goes on from what is on disk', async () => {
  await mkdir(dir, { recursive: true })
  // A file size limit of 1 KiB stands in for the full disk.
  const script = `ulimit -f 1; trap '' XFSZ; exec "$@"`
  const child = spawn('bash', ['-c', script, 'bash', ...appender('d1', 1)], { stdio: ['ignore', 'pipe', 'pipe'] })
  const acknowledged = createInterface({ input: child.stdout })
  let last = 0
  acknowledged.on('line', (line) => (last = Number(line)))
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk))
  await once(child, 'close')
  expect(stderr).toContain('journal-failed')
  expect(last).toBeGreaterThan(2)
  expect(await journals.read('d1')).toEqual(eventsOf('d1', last))
  await write('d1', 2, [eventOf('d1', last + 1)])
  expect(await journals.read('d1')).toEqual(eventsOf('d1', last + 1))
})

test('after kill -9 at any moment, again and again, every acknowledged event is there, in order', async () => {
  let acknowledged = 0
  for (let round = 1; round <= 8; round++) {
    const child = spawn(process.execPath, appender('d1', round).slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
    const goal = acknowledged + 1 + ((round * 7) % 23)
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Math.max(acknowledged, Number(line))
      // Safe beside a writer: what is read is always a beginning of the history.
      if (acknowledged % 10 === 0) expect((await journals.read('d1')).length).toBeGreaterThanOrEqual(acknowledged)
      if (acknowledged >= goal) child.kill('SIGKILL')
    }
    const history = await journals.read('d1')
    expect(history.length).toBeGreaterThanOrEqual(acknowledged)
    expect(history).toEqual(eventsOf('d1', history.length))
    acknowledged = history.length
  }
})

function appender(deploy: string, token: number): string[] {
  const program = fileURLToPath(new URL('./appender.ts', import.meta.url))
  return [process.execPath, '--import', 'tsx', program, dir, deploy, String(token)]
}

function pathOf(deploy: string): string {
  return join(dir, `${deploy}.jsonl`)
}

async function write(deploy: string, token: number, events: readonly BatonEvent[]): Promise<void> {
  const journal = await journals.open(deploy, token)
  for (const event of events) await journal.append(event)
  await journal.close()
}
