// npm run demo [-- --help]
import { buildTomcat } from './build-tomcat.mjs'
import { run } from './run.mjs'
import { setUp } from './setup.mjs'

const withTomcat = process.argv.includes('--tomcat')
await setUp(withTomcat ? { servers: 'tomcat' } : {})
if (withTomcat) await build()
const { exitCode } = await run(process.execPath, ['--import', 'tsx', 'demo/main.ts', ...process.argv.slice(2)])
process.exitCode = exitCode

/** What Tomcats keep their sessions with. Where a tool for it is missing, the demo says so. */
async function build() {
  const { missingPackages } = await import('@baton/testkit')
  if (missingPackages('tomcat').length > 0) return
  const { problem } = await buildTomcat({ log: console.log })
  if (problem === null) return
  console.error(problem)
  process.exit(1)
}
