export type { CookieOptions } from './cookie.ts'
export { SessionError, type SessionErrorCode } from './errors.ts'
export type { EncryptionOptions } from './format/cipher.ts'
export type { EncryptionKey } from './format/encryption-keys.ts'
export type { Fields, Principal } from './format/record.ts'
export type { Limits } from './limits.ts'
export type { SessionInfo } from './listing.ts'
export type {
  CacheSnapshot,
  MetricsSnapshot,
  Operation,
  OperationListener,
  OperationSnapshot,
  Outcome,
  SessionMetrics,
} from './metrics/meter.ts'
export type { NearCacheLimits, SessionsOptions } from './options.ts'
export type { Readiness } from './readiness.ts'
export type { LockOptions } from './request/lock.ts'
export type { LoginOptions } from './request/login.ts'
export type { OpenOptions, RequestSession } from './request-session.ts'
export type { Session, SessionAttributes, SessionCallback, SessionMethods } from './session.ts'
export { createSessions, type OpenRequest, type Sessions } from './sessions.ts'
export type {
  Change,
  CommitOptions,
  ConditionalChange,
  Listed,
  ListPage,
  Notes,
  Rotated,
  Rotation,
  SessionStore,
  Stored,
  StoreHealth,
  Timeouts,
  Updated,
  Wanted,
} from './stores/store.ts'
