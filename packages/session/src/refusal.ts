import type { ServerResponse } from 'node:http'
import { publicText, SessionError } from './errors.ts'

/** What an answer says that could not be given. */
export interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** For 503: that nobody was logged out. Says nothing of what went wrong, which is for logs. */
export function refusalOf(error: unknown): Refusal {
  const known = error instanceof SessionError ? error : undefined
  const status = known?.status ?? 500
  return {
    status,
    headers: { ...known?.headers, 'Cache-Control': 'no-store', 'Content-Type': 'text/plain; charset=utf-8' },
    body: publicText(status),
  }
}

/** Headers of the answer that an error replaces; others stay, e.g. those of security. */
export const aboutTheAnswer =
  /^(content-(?!security)|etag|last-modified|expires|location|set-cookie|transfer-encoding|trailer|accept-ranges)/i

/** Answers with the error's status, and leaves every cookie as it is. For a response whose headers have not left. */
export function refuseRequest(
  res: ServerResponse,
  error: unknown,
  end: (text: string) => unknown = (text) => res.end(text),
): void {
  const { status, headers, body } = refusalOf(error)
  for (const name of res.getHeaderNames()) if (aboutTheAnswer.test(name)) res.removeHeader(name)
  res.statusCode = status
  res.statusMessage = ''
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
  end(body)
}
