import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { repository } from '@baton/testkit'
import type { Goal } from '../ratio.ts'

const all = [
  { name: 'fastify alone', framework: 'fastify', way: 'bare', store: 'none' },
  { name: 'fastify + baton (redis)', framework: 'fastify', way: 'baton', store: 'redis' },
  { name: 'fastify + baton (near cache)', framework: 'fastify', way: 'baton', store: 'redis, near cache' },
  { name: 'fastify + baton (lmdb)', framework: 'fastify', way: 'baton', store: 'lmdb' },
  { name: 'fastify + @fastify/session', framework: 'fastify', way: 'peer', store: 'redis' },
  { name: 'fastify + iron-session', framework: 'fastify', way: 'iron', store: 'none' },
  { name: 'express alone', framework: 'express', way: 'bare', store: 'none' },
  { name: 'express + baton (redis)', framework: 'express', way: 'baton', store: 'redis' },
  { name: 'express + baton (near cache)', framework: 'express', way: 'baton', store: 'redis, near cache' },
  { name: 'express + baton (lmdb)', framework: 'express', way: 'baton', store: 'lmdb' },
  { name: 'express + express-session', framework: 'express', way: 'peer', store: 'redis' },
] as const

/** An app with one way to keep sessions, as a process of its own. */
export type Contestant = (typeof all)[number]
export type ContestantName = Contestant['name']

export const contestants: readonly Contestant[] = all

export const goals: readonly Goal<ContestantName>[] = [
  { of: 'fastify + baton (near cache)', atLeast: 0.8, than: 'fastify alone', mix: 'read-only' },
  { of: 'fastify + baton (near cache)', atLeast: 3.5, than: 'fastify + @fastify/session', mix: 'read-only' },
  { of: 'fastify + baton (redis)', atLeast: 2, than: 'fastify + @fastify/session', mix: 'read-only' },
  { of: 'fastify + baton (lmdb)', atLeast: 0.8, than: 'fastify alone', mix: 'read-only' },
  { of: 'express + baton (near cache)', atLeast: 0.9, than: 'express alone', mix: 'read-only' },
  { of: 'express + baton (lmdb)', atLeast: 0.8, than: 'express alone', mix: 'read-only' },
  { of: 'fastify + baton (redis)', atLeast: 1.5, than: 'fastify + @fastify/session', mix: 'writes' },
  { of: 'fastify + baton (near cache)', atLeast: 1.5, than: 'fastify + @fastify/session', mix: 'writes' },
  { of: 'fastify + baton (lmdb)', atLeast: 1.5, than: 'fastify + @fastify/session', mix: 'writes' },
  { of: 'express + baton (redis)', atLeast: 1.5, than: 'express + express-session', mix: 'writes' },
  { of: 'express + baton (near cache)', atLeast: 1.5, than: 'express + express-session', mix: 'writes' },
  { of: 'express + baton (lmdb)', atLeast: 1.5, than: 'express + express-session', mix: 'writes' },
]

export function versions(): string {
  const packages = [
    'fastify',
    '@fastify/session',
    'iron-session',
    'express',
    'express-session',
    'connect-redis',
    'redis',
  ]
  const ours = `baton ${versionIn(join(repository, 'packages/session/package.json'))}`
  return [ours, ...packages.map((name) => `${name} ${versionOf(name)}`)].join(', ')
}

/** Not every package lets its package.json be resolved. */
function versionOf(name: string): string {
  const entry = createRequire(import.meta.url).resolve(name)
  const folder = entry.slice(0, entry.lastIndexOf(`/node_modules/${name}/`))
  return versionIn(join(folder, 'node_modules', name, 'package.json'))
}

function versionIn(file: string): string {
  return JSON.parse(readFileSync(file, 'utf8')).version
}
