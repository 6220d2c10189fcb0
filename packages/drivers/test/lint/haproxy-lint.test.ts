import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { HealthConfig } from '@baton/core'
import { needServer, type TempDir, tempDir } from '@baton/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { haproxyRules, lintHaproxy } from '../../src/balancers/haproxy/lint/haproxy-lint.ts'
import type { HaproxyLintOptions } from '../../src/balancers/haproxy/lint/site.ts'
import { renderHaproxy } from '../../src/balancers/haproxy/render.ts'
import { edited, lineOf } from './edits.ts'
import { type HaproxyCase, haproxyCases } from './haproxy/cases.ts'

const health: HealthConfig = {
  type: 'http',
  path: '/',
  status: [[200, 399]],
  intervalMs: 250,
  timeoutMs: 2_000,
  rise: 3,
  fall: 3,
  deadlineMs: 60_000,
}

const run = promisify(execFile)
const file = 'haproxy.cfg'
const sound = readFileSync(join(import.meta.dirname, 'haproxy', file), 'utf8')

function options(more: Partial<HaproxyLintOptions> = {}): HaproxyLintOptions {
  return {
    file: '/etc/haproxy/haproxy.cfg',
    backend: 'shop',
    socket: '/run/haproxy/admin.sock',
    serverStateFile: '/var/lib/baton/shop.state',
    nodes: [
      { id: 'web-1', address: { host: '127.0.0.1', port: 3001 } },
      { id: 'web-2', address: { host: '127.0.0.1', port: 3002 } },
    ],
    appKeepAliveMs: 5_000,
    ...more,
  }
}

function twins({ flagged, mended = [] }: Pick<HaproxyCase, 'flagged' | 'mended'>) {
  const replaced = (replacements: HaproxyCase['flagged']) =>
    edited(
      { [file]: sound },
      replacements.map(([from, to]) => [file, from, to] as const),
    )[file] ?? ''
  return { flagged: replaced(flagged), mended: replaced(mended) }
}

const cases = haproxyCases.map((each) => [each.rule, each] as const)

test('the sound configuration gives no finding', () => {
  expect(lintHaproxy(sound, options())).toEqual([])
})

test('what baton balancer config prints gives no finding', () => {
  const { socket, ...more } = options()
  const text = renderHaproxy({
    ...more,
    socketPath: socket,
    nodes: more.nodes.map((node) => ({ ...node, weight: 10 })),
    health,
    listen: { host: '127.0.0.1', port: 8080 },
  })
  expect(lintHaproxy(text, options())).toEqual([])
})

test.each(cases)('%s is found, alone and at its line', (rule, each) => {
  const { flagged } = twins(each)
  const findings = lintHaproxy(flagged, options(each.options))
  const where = `/etc/haproxy/haproxy.cfg:${lineOf(flagged, each.at)}`
  expect(findings.map((finding) => [finding.rule, finding.where])).toEqual([[rule, where]])
})

test.each(cases)('%s is not found in the mended twin', (_, each) => {
  expect(lintHaproxy(twins(each).mended, options())).toEqual([])
})

test('every rule has a fixture', () => {
  expect(new Set(haproxyCases.map(({ rule }) => rule))).toEqual(new Set(haproxyRules.map(({ id }) => id)))
})

test('every message says what a deploy suffers, and every remedy what to type', () => {
  const findings = haproxyCases.flatMap((each) => lintHaproxy(twins(each).flagged, options(each.options)))
  for (const { message, remedy } of findings) {
    expect(message.length).toBeGreaterThan(60)
    expect(message).not.toMatch(/undefined|null|NaN|\[object/)
    expect(remedy).not.toMatch(/^$|undefined|null|NaN|\[object/)
  }
})

describe('the real haproxy', () => {
  let folder: TempDir
  beforeAll(async () => {
    folder = await tempDir()
  })
  afterAll(() => folder.remove())

  test.for(cases)('accepts both twins of %s', async ([, each], context) => {
    const program = needServer('haproxy', context)
    const { flagged, mended } = twins(each)
    for (const text of [flagged, mended]) {
      const path = join(await mkdtemp(join(folder.path, 'h')), file)
      await writeFile(path, text)
      await run(program, ['-c', '-f', path])
    }
  })
})
