// npm run bench [-- --help]
import { runModule } from './run.mjs'
import { setUp } from './setup.mjs'

await setUp({ servers: 'bench' })
const { exitCode } = await runModule('tsx/dist/cli.mjs', ['bench/main.ts', ...process.argv.slice(2)])
process.exitCode = exitCode
