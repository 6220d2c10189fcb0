// What a fresh clone needs before anything else can run. No dependencies: there may be no node_modules yet.
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setup as bundle } from './bundle.mjs'
import { repository, run, runModule } from './run.mjs'

/**
 * Installs and builds where that has not been done for the present state of the checkout; with `servers` it also installs
 * the real servers that the tests, the bench or the demo with Tomcats start, where it may. Ends the process with a message where it cannot.
 *
 * @param {{ servers?: 'test' | 'check' | 'bench' | 'tomcat' }} [options]
 */
export async function setUp({ servers } = {}) {
  requireNode()
  await installDependencies()
  await build()
  if (servers !== undefined) await installServers(servers)
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  stop(`Node.js ${process.versions.node} is too old: Baton needs 20.19 or newer. Install it from https://nodejs.org.`)
}

async function installDependencies() {
  const installed = join(repository, 'node_modules/.package-lock.json')
  const wanted = join(repository, 'package-lock.json')
  const why = !existsSync(installed)
    ? 'there is no node_modules yet'
    : statSync(installed).mtimeMs < statSync(wanted).mtimeMs
      ? 'package-lock.json is newer than node_modules'
      : null
  if (why === null) return
  console.log(`Installing dependencies (npm ci): ${why} …`)
  const { exitCode, output } = await run('npm', ['ci', '--include=dev', '--loglevel=error'], { quiet: true })
  if (exitCode !== 0) stop(`${output}\nnpm ci failed with exit code ${exitCode}: see above.`)
}

async function build() {
  const { exitCode, output } = await runModule('typescript/bin/tsc', ['-b'], { quiet: true })
  if (exitCode !== 0) stop(`${output}\nThe build (npx tsc -b) failed: see above.`)
  await bundle()
}

/** @param {'test' | 'check' | 'bench' | 'tomcat'} use */
async function installServers(use) {
  const { missingPackages } = await import('@baton/testkit')
  const packages = missingPackages(use)
  if (packages.length === 0) return
  const command = `apt-get install --no-install-recommends ${packages.join(' ')}`
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0) {
    console.log(`Not installed, and left out: ${packages.join(', ')}. On Debian: sudo ${command}`)
    return
  }
  console.log(`Installing Debian packages (no service is started): ${packages.join(', ')} …`)
  const allowServices = forbidServices()
  try {
    const env = { DEBIAN_FRONTEND: 'noninteractive' }
    const wait = ['-o', 'DPkg::Lock::Timeout=120']
    const update = await run('apt-get', ['update', '-qq', ...wait], { quiet: true, env })
    const options = ['install', '--yes', '-qq', '--no-install-recommends', ...wait]
    const install = await run('apt-get', [...options, ...packages], { quiet: true, env })
    if (install.exitCode === 0) return
    console.log(`${update.output}${install.output}\n${command} failed: see above. What needs them is left out.`)
  } finally {
    allowServices()
  }
}

/** Debian's own way to install a server without starting it (invoke-rc.d(8)); returns how to undo it. */
function forbidServices() {
  const policy = '/usr/sbin/policy-rc.d'
  if (existsSync(policy)) return () => {}
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  const remove = () => rmSync(policy, { force: true })
  process.once('exit', remove)
  return () => {
    process.off('exit', remove)
    remove()
  }
}

/**
 * @param {string} message
 * @returns {never}
 */
function stop(message) {
  console.error(message)
  process.exit(1)
}
