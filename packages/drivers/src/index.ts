export { createEmbeddedBalancer, type EmbeddedBalancerOptions } from './balancers/embedded/embedded-balancer.ts'
export { type Finding, sortFindings } from './balancers/finding.ts'
export {
  createHaproxyBalancer,
  type HaproxyBalancerOptions,
  serverStateFileOf,
} from './balancers/haproxy/balancer.ts'
export {
  compareHaproxy,
  type RunningHaproxy,
  type RunningServer,
  readHaproxy,
  type WantedBackend,
} from './balancers/haproxy/compare.ts'
export { lintHaproxy } from './balancers/haproxy/lint/haproxy-lint.ts'
export type { HaproxyLintOptions } from './balancers/haproxy/lint/site.ts'
export { type HaproxyRendering, renderHaproxy } from './balancers/haproxy/render.ts'
export {
  createMemoryBalancer,
  type MemoryBalancer,
  type MemoryBalancerOptions,
  type RoutedRequest,
} from './balancers/memory/memory-balancer.ts'
export {
  createNginxDynamicBalancer,
  type NginxDynamicBalancerOptions,
} from './balancers/nginx/dynamic/dynamic-balancer.ts'
export type { NginxInstallation } from './balancers/nginx/install.ts'
export {
  installNginxDynamic,
  type NginxDynamicInstallOptions,
  renderNginxDynamic,
} from './balancers/nginx/install-dynamic.ts'
export { lintAdminFolder } from './balancers/nginx/lint/admin-folder.ts'
export { lintNginx } from './balancers/nginx/lint/nginx-lint.ts'
export { reloadLimits } from './balancers/nginx/lint/reload-limits.ts'
export type { NginxLintOptions } from './balancers/nginx/lint/site.ts'
export { createNginxProcess, type NginxBuild, type NginxProcess } from './balancers/nginx/process.ts'
export { createNginxReloadBalancer } from './balancers/nginx/reload/balancer.ts'
export {
  installNginxReload,
  type NginxReloadInstallOptions,
  type NginxReloadOptions,
  renderNginxReload,
} from './balancers/nginx/reload/install.ts'
export { createSystemClock } from './clocks/system-clock.ts'
export { createFileJournals, type FileJournalsOptions } from './journals/file-journals.ts'
export { createFileLock, type FileLockOptions } from './locks/file-lock.ts'
export { LockHeldError } from './locks/lock-held-error.ts'
export { type CommandNodeOptions, createCommandNode } from './nodes/command/node.ts'
export { createProcessNode, type ProcessNodeOptions } from './nodes/process/node.ts'
export { openHome, type TomcatHome } from './nodes/tomcat/home.ts'
export { findJava, type Java } from './nodes/tomcat/java.ts'
export { createTomcatKeeper, type TomcatKeeper, type TomcatKeeperOptions } from './nodes/tomcat/keeper.ts'
export { createTomcatNode, type TomcatNodeOptions } from './nodes/tomcat/node.ts'
export type { TomcatOptions } from './nodes/tomcat/tomcat.ts'
export { createHttpProbe, type HttpProbeOptions } from './probes/http-probe.ts'
export { createTcpProbe, type TcpProbeOptions } from './probes/tcp-probe.ts'
export { describeRelease } from './releases/describe.ts'
export { createReleaseStore, type ReleaseStore, type ReleaseStoreOptions } from './releases/store.ts'
export type { RollHealth, RollNode } from './roll/context.ts'
export { type RollOptions, roll } from './roll/roll.ts'
export { sessionJar } from './session-jar.ts'
export { createLocalShell, type LocalShellOptions } from './shells/local/shell.ts'
export {
  createSupervisor,
  type SupervisedNode,
  type Supervisor,
  type SupervisorOptions,
} from './supervisor/supervisor.ts'
export {
  planTomcatInstall,
  planTomcatUninstall,
  type TomcatChange,
  type TomcatInstallOptions,
} from './tomcat-install/tomcat-install.ts'
