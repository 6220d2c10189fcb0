// npm run demo [-- --help]
import { runModule } from './run.mjs'
import { setUp } from './setup.mjs'

await setUp()
const { exitCode } = await runModule('tsx/dist/cli.mjs', ['demo/main.ts', ...process.argv.slice(2)])
process.exitCode = exitCode
