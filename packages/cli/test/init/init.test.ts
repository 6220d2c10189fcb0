import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Config, formatProblems, parseConfig } from '@baton/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writeInitialConfig } from '../../src/init/index.ts'

let dir: string

beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), 'baton-init-')), 'My Shop')
  await mkdir(dir)
})

afterEach(() => rm(dirname(dir), { recursive: true, force: true }))

/** Writes files, runs init, and reads what it wrote. */
async function initialised(
  files: Record<string, string>,
): Promise<{ config: Config; text: string; recognised: string[] }> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), content)
  }
  const { file, recognised } = await writeInitialConfig({ dir })
  expect(file).toBe(join(dir, 'baton.yaml'))
  const text = await readFile(file, 'utf8')
  const parsed = parseConfig(text, 'baton.yaml')
  if ('problems' in parsed) throw new Error(formatProblems(parsed.problems))
  return { config: parsed.config, text, recognised }
}

function startOf({ release, nodes }: Config) {
  const app = nodes[0]!.app
  return { source: release.source, command: app.driver === 'process' ? app.command.join(' ') : null, env: app.env }
}

describe('init', () => {
  it('writes a configuration of nothing but defaults where it finds nothing', async () => {
    const { config, recognised } = await initialised({})
    const bare = `name: my-shop
release: { source: . }
app: { command: node server.js }
nodes: { web-1: { address: 127.0.0.1:3001 }, web-2: { address: 127.0.0.1:3002 } }`
    expect({ config }).toEqual(parseConfig(bare, 'baton.yaml'))
    expect(recognised).toEqual(['no way to start the app was found: write it as app.command'])
  })

  it('sees a web application that Maven builds, and writes Tomcat nodes', async () => {
    const pom = `<project><parent><artifactId>parent</artifactId><version>9</version></parent>
      <artifactId>Pet.Shop</artifactId><version>1.2</version><packaging>war</packaging>
      <dependencies><dependency><artifactId>x</artifactId><version>3</version></dependency></dependencies></project>`
    const { config, recognised } = await initialised({ 'pom.xml': pom })
    expect(config).toMatchObject({
      name: 'pet-shop',
      release: { source: './target/Pet.Shop-1.2.war' },
      nodes: [{ app: { driver: 'tomcat', context: '/' } }, { app: { driver: 'tomcat' } }],
      sessions: { store: 'redis://127.0.0.1:6379/0', namespace: 'pet-shop' },
    })
    expect(recognised).toEqual([expect.stringContaining('built by Maven: ./target/Pet.Shop-1.2.war')])
  })

  it('begins with the line that gives editors completion', async () => {
    const { text } = await initialised({})
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=./node_modules/baton/schema.json')
  })

  it.each([
    ['@acme/Web_Shop', 'web-shop'],
    ['shop', 'shop'],
    ['123', '123'],
    ['null', 'null'],
    ['___', 'my-shop'],
  ])('names the configuration of the package %s %s', async (name, expected) => {
    const { config } = await initialised({ 'package.json': JSON.stringify({ name }) })
    expect(config.name).toBe(expected)
  })

  it('recognises an npm app, its framework and its start script', async () => {
    const pkg = {
      name: 'shop',
      scripts: { start: 'NODE_ENV=production PORT=80 node src/server.js --fast' },
      dependencies: { express: '5' },
    }
    const { config, recognised } = await initialised({ 'package.json': JSON.stringify(pkg), 'src/server.js': '' })
    expect(startOf(config)).toEqual({
      source: '.',
      command: 'node src/server.js --fast',
      env: { NODE_ENV: 'production' },
    })
    expect(recognised).toEqual(['an npm app with express', 'the start script: node src/server.js --fast, in .'])
  })

  it.each([
    [
      'a start script in dist',
      { 'package.json': '{"scripts":{"start":"node dist/main.js"}}', 'dist/main.js': '' },
      './dist',
      'node main.js',
    ],
    [
      'a start script that build holds as well',
      { 'package.json': '{"scripts":{"start":"node server.js"}}', 'build/server.js': '', 'server.js': '' },
      './build',
      'node server.js',
    ],
    ['a main file', { 'package.json': '{"main":"./lib/main.js"}', 'lib/main.js': '' }, '.', 'node lib/main.js'],
    ['a server.js', { 'package.json': '{}', 'server.js': '' }, '.', 'node server.js'],
    ['a build folder alone', { 'build/index.js': '' }, './build', 'node index.js'],
    ['a build folder that holds no server', { 'build/index.html': '', 'server.js': '' }, '.', 'node server.js'],
    [
      'a tool of node_modules',
      { 'package.json': '{"scripts":{"start":"next start"}}', 'node_modules/.bin/next': '' },
      '.',
      './node_modules/.bin/next start',
    ],
    [
      'a script that needs a shell',
      { 'package.json': '{"scripts":{"start":"npm run build && node x.js"}}' },
      '.',
      'npm start',
    ],
    ['a package.json that is no JSON', { 'package.json': '{', 'app.js': '' }, '.', 'node app.js'],
  ])('starts %s', async (_, files, source, command) => {
    const { config } = await initialised(files as unknown as Record<string, string>)
    expect(startOf(config)).toEqual({ source, command, env: {} })
  })

  it('leaves a baton.yaml as it is, unless it is forced', async () => {
    await writeFile(join(dir, 'baton.yaml'), 'mine')
    await expect(writeInitialConfig({ dir })).rejects.toMatchObject({
      code: 'config-exists',
      hint: expect.stringContaining('--force'),
    })
    expect(await readFile(join(dir, 'baton.yaml'), 'utf8')).toBe('mine')
    await writeInitialConfig({ dir, force: true })
    expect(await readFile(join(dir, 'baton.yaml'), 'utf8')).toContain('name: my-shop')
  })

  it('says so where there is no such folder', async () => {
    await expect(writeInitialConfig({ dir: join(dir, 'gone') })).rejects.toMatchObject({ code: 'init-unwritable' })
  })
})
