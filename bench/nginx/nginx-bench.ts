import { tempDir } from '@baton/testkit'
import { needProgram } from '../programs.ts'
import { startBackend } from '../proxy/backend.ts'
import { publish } from '../results-file.ts'
import { measureChanges } from './change-times.ts'
import { reportLines } from './report.ts'
import { measureThroughput, type Round } from './throughput.ts'

export interface NginxBenchOptions {
  /** Of each measurement, two of each contestant in a round. */
  readonly seconds: number
  readonly rounds: number
  readonly quick: boolean
}

export async function benchNginx(options: NginxBenchOptions): Promise<void> {
  const [wrk, nginx] = [needProgram('wrk'), needProgram('nginx')]
  needProgram('nginx-lua')
  console.log('changes of state')
  const changes = await measureChanges(options.quick ? 5 : 50)
  const folder = await tempDir()
  let rounds: readonly Round[]
  try {
    const backend = await startBackend(nginx, folder.path)
    try {
      rounds = await measureThroughput({ wrk, backend, ...options })
    } finally {
      await backend.stop()
    }
  } finally {
    await folder.remove()
  }
  publish('nginx', reportLines({ nginx, changes, measured: rounds, ...options }), options)
}
