// npm run bench [-- --help]
import { run } from './run.mjs'
import { setUp } from './setup.mjs'

await setUp({ servers: 'bench' })
const { exitCode } = await run(process.execPath, ['--import', 'tsx', 'bench/main.ts', ...process.argv.slice(2)])
process.exitCode = exitCode
