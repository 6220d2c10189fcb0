import type { Connection } from './connection.ts'
import type { Finding, Visit } from './shopper.ts'

/** What came of one visit, as the ledger notes it. */
export interface Exchanged {
  /** null where no complete answer came. */
  readonly status: number | null
  readonly node: string | null
  readonly release: string | null
  readonly finding: Finding | null
}

/** Never throws: a broken connection is a finding like any other. */
export async function exchange(connection: Connection, visit: Visit, timeoutMs: number): Promise<Exchanged> {
  try {
    const answer = await connection.exchange(visit.outgoing, timeoutMs)
    return {
      status: answer.status,
      node: first(answer.headers['baton-node']),
      release: first(answer.headers['baton-release']),
      finding: visit.judge(answer),
    }
  } catch (error) {
    return { status: null, node: null, release: null, finding: { problem: 'failed', error: describeError(error) } }
  }
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = (error as NodeJS.ErrnoException).code
  return code === undefined || error.message.includes(code) ? error.message : `${code}: ${error.message}`
}

function first(header: string | readonly string[] | undefined): string | null {
  return typeof header === 'string' ? header : (header?.[0] ?? null)
}
