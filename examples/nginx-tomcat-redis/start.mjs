// node start.mjs [--mixed]: the whole set-up in run/ (run-mixed/) of this folder, with an nginx and a Redis of its own. Ctrl-C stops it.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { userInfo } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { buildTomcat } from '../../scripts/build-tomcat.mjs'
import { buildShop } from './build.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const isMixed = process.argv[2] === '--mixed'
/** Each has one of its own: neither could start the releases of the other. */
const folder = join(here, isMixed ? 'run-mixed' : 'run')
const cli = join(here, '../../packages/cli/bin/baton.js')
/** Another than that of a Redis that runs on this machine. */
const redisPort = 6390
/** What has been started, the last first. */
const running = []

process.on('SIGINT', () => {})
process.on('SIGTERM', () => running[0]?.kill('SIGTERM'))
try {
  process.exitCode = await main(isMixed ? 'baton-mixed.yaml' : 'baton.yaml')
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  // nginx and Redis last: the nodes end their requests first.
  for (const child of running) child.kill('SIGTERM')
}

/** @param {string} configuration */
async function main(configuration) {
  const { problem } = await buildTomcat({ log: console.log })
  if (problem !== null) throw new Error(problem)
  buildShop()
  for (const name of ['nginx/conf.d', 'redis']) mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, 'nginx/nginx.conf'), nginxConfiguration())
  linkModules()
  writeFileSync(join(folder, 'baton.yaml'), localized(readFileSync(join(here, configuration), 'utf8')))

  const redis = ['--port', `${redisPort}`, '--bind', '127.0.0.1', '--dir', join(folder, 'redis'), '--appendonly', 'yes']
  start('redis-server', [...redis, '--logfile', join(folder, 'redis/redis.log')])
  start('nginx', ['-p', join(folder, 'nginx'), '-c', join(folder, 'nginx/nginx.conf'), '-g', 'daemon off;'])
  await accepts(redisPort)
  await until('nginx', () => existsSync(join(folder, 'nginx/nginx.pid')))
  if ((await end(start(process.execPath, [cli, 'balancer', 'install']))) !== 0) return 1
  const [place, source] = isMixed ? ['run-mixed', '../build/v2'] : ['run', '../build/v2/shop.war']
  console.log(
    `\nIn another terminal, from examples/nginx-tomcat-redis/${place}: npx baton status, npx baton deploy ${source}\n`,
  )
  return (await end(start(process.execPath, [cli, 'up']))) ?? 1
}

/** The same file, with this nginx and this Redis. @param {string} text */
function localized(text) {
  const nginx = join(folder, 'nginx')
  return text
    .replace(/command: nginx$/m, `command: ${JSON.stringify(['nginx', '-p', nginx, '-c', join(nginx, 'nginx.conf')])}`)
    .replace('/etc/nginx/conf.d', JSON.stringify(join(nginx, 'conf.d')))
    .replace('redis://127.0.0.1:6379', `redis://127.0.0.1:${redisPort}`)
    .replace(/source: (\S+)/, (_all, path) => `source: ${JSON.stringify(resolve(here, path))}`)
}

/** As Debian's, with everything in one folder. */
function nginxConfiguration() {
  const nginx = join(folder, 'nginx')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `include /etc/nginx/modules-enabled/*.conf;
${userInfo().uid === 0 ? `user ${userInfo().username};` : ''}
worker_processes auto;
pid ${nginx}/nginx.pid;
error_log ${nginx}/error.log;
events {}
http {
    access_log off;
${temporary.map((name) => `    ${name}_temp_path ${nginx}/${name};`).join('\n')}
    include ${nginx}/conf.d/*.conf;
}
`
}

/** `load_module` has paths below nginx's own folder, and that is ours here. */
function linkModules() {
  const installed = ['/usr/share/nginx/modules', '/usr/lib/nginx/modules'].find((path) => existsSync(path))
  const link = join(folder, 'nginx/modules')
  rmSync(link, { force: true })
  if (installed !== undefined) symlinkSync(installed, link)
}

/** Of its own process group: Ctrl-C is for Baton, and what it needs ends after it. @param {string} program @param {string[]} args */
function start(program, args) {
  const child = spawn(program, args, {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: program !== process.execPath,
  })
  child.on('error', (error) => console.error(`${program}: ${error.message}. On Debian: see the README`))
  running.unshift(child)
  return child
}

/** @param {import('node:child_process').ChildProcess} child @returns {Promise<number | null>} */
function end(child) {
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)))
}

/** @param {number} port */
function accepts(port) {
  const tried = () =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.on('error', () => resolve(false)).on('connect', () => socket.destroy())
    })
  return until(`port ${port}`, tried)
}

/** @param {string} what @param {() => unknown} condition */
async function until(what, condition) {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await condition()) return
    await sleep(50)
  }
  throw new Error(`${what} did not start`)
}
