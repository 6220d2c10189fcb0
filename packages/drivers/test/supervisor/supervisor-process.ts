import { createSupervisor, type SupervisorOptions } from '../../src/supervisor/supervisor.ts'

/** A supervisor in a process of its own, so that it can be killed. Its options are its argument, as JSON. */
const options: Omit<SupervisorOptions, 'log'> = JSON.parse(process.argv[2] ?? '')
const supervisor = createSupervisor({ ...options, log: (line) => console.error(line) })
process.on('SIGTERM', async () => {
  await supervisor.stop()
  process.exit(0)
})
await supervisor.start()
console.log('ready')
