import type { Failure } from '@baton/core'
import type { AppView } from './app.ts'

/**
 * What is spoken on the supervisor's socket, HTTP and JSON:
 *
 *     GET  /v1/nodes                                        200 NodesReport
 *     POST /v1/nodes/<id>/start | stop | activate           204; `activate` takes ActivateRequest
 *     POST /v1/fence                                        204
 *
 * Each POST carries the caller's lock token in the header `Baton-Token`; older than the newest seen, it is answered 409
 * `stale-token`. Every other answer but these holds a FailureReport.
 */
export interface NodesReport {
  readonly nodes: readonly NodeReport[]
}

export interface NodeReport extends AppView {
  readonly id: string
  /** host:port */
  readonly address: string
}

export interface ActivateRequest {
  readonly release: string
}

export interface FailureReport {
  readonly error: Failure
}

export type Verb = 'start' | 'stop' | 'activate'
