/**
 * A message that the data plane will not forward: malformed, ambiguous or beyond a limit. `status` is what a client gets for
 * it; a node that sends one gets its connection dropped and the client a 502. `code` goes into the Baton-Error field.
 */
export class BadMessage extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.name = 'BadMessage'
    this.status = status
    this.code = code
  }
}
