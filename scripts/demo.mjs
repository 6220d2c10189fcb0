// npm run demo [-- --help]
import { run } from './run.mjs'
import { setUp } from './setup.mjs'

await setUp()
const { exitCode } = await run(process.execPath, ['--import', 'tsx', 'demo/main.ts', ...process.argv.slice(2)])
process.exitCode = exitCode
