export { createEmbeddedBalancer, type EmbeddedBalancerOptions } from './balancers/embedded/embedded-balancer.ts'
export {
  createMemoryBalancer,
  type MemoryBalancer,
  type MemoryBalancerOptions,
  type RoutedRequest,
} from './balancers/memory/memory-balancer.ts'
export { createSystemClock } from './clocks/system-clock.ts'
export { createFileJournals, type FileJournalsOptions } from './journals/file-journals.ts'
export { createFileLock, type FileLockOptions } from './locks/file-lock.ts'
export { LockHeldError } from './locks/lock-held-error.ts'
export { createHttpProbe, type HttpProbeOptions } from './probes/http-probe.ts'
export { createTcpProbe, type TcpProbeOptions } from './probes/tcp-probe.ts'
export type { RollHealth, RollNode } from './roll/context.ts'
export { type RollOptions, roll } from './roll/roll.ts'
