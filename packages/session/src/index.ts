export type { CookieOptions } from './cookie.ts'
export { SessionError, type SessionErrorCode } from './errors.ts'
export type { Fields, Principal } from './format/record.ts'
export type { RequestSession } from './request-session.ts'
export type { LoginOptions, Session, SessionAttributes, SessionMethods } from './session.ts'
export { createSessions, type Sessions, type SessionsOptions } from './sessions.ts'
export type {
  Change,
  ConditionalChange,
  Rotation,
  SessionStore,
  Stored,
  Timeouts,
  Updated,
} from './stores/store.ts'
