export { type Cli, type CliExit, type CliOptions, runCli, spawnCli } from './cli.ts'
export { freePorts } from './free-ports.ts'
export { type Front, type FrontKind, type FrontOptions, openFront } from './front.ts'
export { type Haproxy, type HaproxyOptions, type HaproxyPlace, startHaproxy } from './haproxy.ts'
export { type Nginx, type NginxOptions, type NginxPlace, startNginx } from './nginx.ts'
export { killProcessesIn, processesIn, type RunningProcess } from './processes.ts'
export { type Redis, type RedisOptions, startRedis } from './redis.ts'
export { repository } from './repository.ts'
export {
  findServer,
  installCommand,
  missingPackages,
  needServer,
  type ServerName,
  type ServerUse,
  type SkippableTest,
} from './servers.ts'
export { type Site, type SiteStatus, startSite } from './site.ts'
export { type TempDir, tempDir } from './temp-dir.ts'
export type { LedgerEntry, Problem, Statistics } from './traffic/ledger.ts'
export { quantile } from './traffic/ledger.ts'
export { type OrderVerification, readOrderFile, verifyOrders } from './traffic/orders.ts'
export { type Snapshot, startTraffic, type Traffic, type TrafficOptions } from './traffic/traffic.ts'
export { type Verdict, verdictLines } from './traffic/verdict.ts'
export { type WaitOptions, waitFor } from './wait-for.ts'
