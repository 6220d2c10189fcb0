// node build.mjs: compiles both releases of the shop against the Servlet API of a Tomcat: build/v1/shop.war and build/v2/shop.war.
// CATALINA_HOME says which Tomcat; default: Debian's.
import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))

/**
 * Builds both releases into `folder`, each a folder with shop.war, and with server.mjs for sites that have a node of Node.js as
 * well. What is newer than its sources stays as it is.
 *
 * @param {{ folder?: string, home?: string, force?: boolean }} [options]
 */
export function buildShop({
  folder = join(here, 'build'),
  home = process.env.CATALINA_HOME ?? '/usr/share/tomcat10',
  force = false,
} = {}) {
  for (const release of ['v1', 'v2']) {
    const target = join(folder, release)
    const war = join(target, 'shop.war')
    const sources = ['app', release, 'node', 'build.mjs'].map((name) => changedAtMs(join(here, name)))
    const builtAtMs = statSync(war, { throwIfNoEntry: false })?.mtimeMs ?? 0
    if (!force && builtAtMs > Math.max(...sources)) continue
    const tree = join(target, '.tree')
    rmSync(target, { recursive: true, force: true })
    mkdirSync(join(tree, 'web/WEB-INF/classes'), { recursive: true })
    copyFileSync(join(here, 'node/server.mjs'), join(target, 'server.mjs'))
    fillTree(tree, release, servletApi(home))
    const classes = join(tree, 'web/WEB-INF/classes')
    const java = filesIn(join(tree, 'java'))
    const libraries = [join(home, 'lib/servlet-api.jar')]
    tool(
      'javac',
      '--release',
      '11',
      '-encoding',
      'UTF-8',
      '-Xlint:all',
      '-Werror',
      '-cp',
      libraries.join(':'),
      '-d',
      classes,
      ...java,
    )
    tool('jar', '--create', '--file', join(tree, 'shop.war'), '-C', join(tree, 'web'), '.')
    copyFileSync(join(tree, 'shop.war'), war)
    rmSync(tree, { recursive: true })
  }
}

/** What belongs to a release, in the words of this Servlet API. @param {string} tree @param {string} release @param {'jakarta' | 'javax'} api */
function fillTree(tree, release, api) {
  cpSync(join(here, 'app/web'), join(tree, 'web'), { recursive: true })
  cpSync(join(here, 'app/resources'), join(tree, 'web/WEB-INF/classes'), { recursive: true })
  for (const folder of ['app/java', release]) cpSync(join(here, folder), join(tree, 'java'), { recursive: true })
  if (api === 'jakarta') return
  for (const file of [...filesIn(join(tree, 'java')), join(tree, 'web/WEB-INF/web.xml')]) {
    const text = readFileSync(file, 'utf8')
      .replaceAll('jakarta.servlet', 'javax.servlet')
      .replace(
        '"https://jakarta.ee/xml/ns/jakartaee" version="5.0"',
        '"http://xmlns.jcp.org/xml/ns/javaee" version="4.0"',
      )
    writeFileSync(file, text)
  }
}

/** Names in a jar's directory are not compressed. @param {string} home @returns {'jakarta' | 'javax'} */
function servletApi(home) {
  return readFileSync(join(home, 'lib/servlet-api.jar')).includes('jakarta/servlet/') ? 'jakarta' : 'javax'
}

/** @param {string} folder */
function filesIn(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name))
}

/** @param {string} path @returns {number} */
function changedAtMs(path) {
  const { mtimeMs } = statSync(path)
  if (!statSync(path).isDirectory()) return mtimeMs
  return Math.max(mtimeMs, ...readdirSync(path).map((name) => changedAtMs(join(path, name))))
}

/** @param {string} name @param {string[]} args */
function tool(name, ...args) {
  const home = process.env.JAVA_HOME
  const program = home === undefined || home === '' ? name : join(home, 'bin', name)
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${name} failed: ${error?.message ?? `${stdout}${stderr}`}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  buildShop()
  console.log('build/v1/shop.war and build/v2/shop.war are up to date')
}
