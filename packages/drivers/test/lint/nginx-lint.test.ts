import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { needServer, type TempDir, tempDir } from '@baton/testkit'
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { renderDynamic } from '../../src/balancers/nginx/dynamic/render.ts'
import { lintNginx, nginxRules } from '../../src/balancers/nginx/lint/nginx-lint.ts'
import { renderReloadFile } from '../../src/balancers/nginx/reload/render.ts'
import { edited, type Files, lineOf } from './edits.ts'
import { type NginxCase, nginxCases } from './nginx/cases.ts'
import { dumpOf, nginxOptions, soundNginx } from './nginx/rig.ts'

const run = promisify(execFile)

function twins({ base, flagged, mended = [], at, options }: NginxCase) {
  const files = soundNginx(base)
  const twin = { flagged: edited(files, flagged), mended: edited(files, mended) }
  const where = `/etc/nginx/${at[0]}:${lineOf(twin.flagged[at[0]] ?? '', at[1])}`
  return { ...twin, where, options: nginxOptions({ mode: base, ...options }) }
}

const cases = nginxCases.map((each) => [each.rule, each] as const)

describe.each(['reload', 'dynamic'] as const)('the sound configuration for mode %s', (mode) => {
  test('gives no finding', () => {
    expect(lintNginx(dumpOf(soundNginx(mode)), nginxOptions({ mode }))).toEqual([])
  })
})

describe('what Baton writes itself gives no finding', () => {
  const listen = { host: '127.0.0.1', port: 8080 }
  const withoutSite = (mode: 'reload' | 'dynamic') => ({ 'nginx.conf': soundNginx(mode)['nginx.conf'] ?? '' })

  test('in mode reload', () => {
    const nodes = nginxOptions().nodes.map(({ id, address }) => {
      return { id, address: `${address.host}:${address.port}`, admin: 'in' as const, weight: 10 }
    })
    const file = { name: 'shop', generation: 'g', stateDir: '/run/baton', hasMinTimeout: true }
    for (const within of [nodes, nodes.slice(1)]) {
      const written = renderReloadFile({ ...file, listen, nodes: within })
      const dump = dumpOf({ ...withoutSite('reload'), 'conf.d/baton-shop.conf': written })
      expect(lintNginx(dump, nginxOptions())).toEqual([])
    }
  })

  test('in mode dynamic', () => {
    const nodes = nginxOptions().nodes.map(({ id, address }) => ({ id, ...address, weight: 10 }))
    const folders = { stateDir: '/run/baton', luaDir: '/etc/nginx/conf.d/baton' }
    const { conf, files } = renderDynamic({ name: 'shop', token: 't', nodes, listen, ...folders })
    const shared = files.find(({ path }) => path.endsWith('.conf'))?.text ?? ''
    const own = { 'conf.d/baton.conf': shared, 'conf.d/baton-shop.conf': conf }
    const options = nginxOptions({ mode: 'dynamic' })
    expect(lintNginx(dumpOf({ ...withoutSite('dynamic'), ...own }), options)).toEqual([])

    const taken = conf.replace('proxy_pass', 'log_by_lua_block { own() }\n        proxy_pass')
    const [finding] = lintNginx(dumpOf({ ...withoutSite('dynamic'), ...own, 'conf.d/baton-shop.conf': taken }), options)
    // The remedy is the line that Baton has written.
    expect(shared).toContain(finding?.remedy.split(': ')[1])
  })
})

test.each(cases)('%s is found, alone and at its line', (rule, each) => {
  const { flagged, where, options } = twins(each)
  const findings = lintNginx(dumpOf(flagged), options)
  expect(findings.map((finding) => [finding.rule, finding.where])).toEqual([[rule, where]])
})

test.each(cases)('%s is not found in the mended twin', (_, each) => {
  const { mended, options } = twins(each)
  expect(lintNginx(dumpOf(mended), options)).toEqual([])
})

test('every rule has a fixture', () => {
  expect(new Set(nginxCases.map(({ rule }) => rule))).toEqual(new Set(nginxRules.map(({ id }) => id)))
})

test('every message says what a deploy suffers, and every remedy what to type', () => {
  const findings = nginxCases.flatMap((each) => lintNginx(dumpOf(twins(each).flagged), twins(each).options))
  for (const { message, remedy } of findings) {
    expect(message.length).toBeGreaterThan(60)
    expect(message).not.toMatch(/undefined|null|NaN|\[object/)
    expect(remedy).not.toMatch(/^$|undefined|null|NaN|\[object/)
  }
})

describe('the real nginx', () => {
  let folder: TempDir
  beforeAll(async () => {
    folder = await tempDir()
  })
  afterAll(() => folder.remove())

  /** What nginx prints for them; fails where it refuses them. */
  async function dump(program: string, files: Files): Promise<string> {
    const prefix = await mkdtemp(join(folder.path, 'n'))
    for (const [file, text] of Object.entries(files)) {
      await mkdir(dirname(join(prefix, file)), { recursive: true })
      await writeFile(join(prefix, file), text)
    }
    const { stdout } = await run(program, ['-T', '-e', 'stderr', '-p', prefix, '-c', 'nginx.conf'], { cwd: prefix })
    return stdout.replaceAll(prefix, '/etc/nginx')
  }

  test.for(cases)('accepts both twins of %s, and its own dump gives the same findings', async ([, each], context) => {
    const program = needServer('nginx', context)
    const { flagged, mended, options } = twins(each)
    for (const files of [flagged, mended]) {
      needModules(files, context)
      expect(lintNginx(await dump(program, files), options)).toEqual(lintNginx(dumpOf(files), options))
    }
  })
})

/** Debian has the modules in packages of their own. */
function needModules(files: Files, context: TestContext) {
  const modules = [...(files['nginx.conf'] ?? '').matchAll(/^load_module (.*);$/gm)].map(([, path = '']) => path)
  const missing = modules.find((path) => !existsSync(path))
  if (missing === undefined) return
  const reason = `${missing} is not installed: sudo apt-get install libnginx-mod-http-lua`
  if (process.env.CI) throw new Error(reason)
  context.skip(reason)
}
