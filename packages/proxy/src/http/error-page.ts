import { STATUS_CODES } from 'node:http'

export interface ErrorPage {
  readonly status: number
  /** For the Baton-Error field and for programs; lower case and underscores. */
  readonly code: string
  readonly message: string
  /** The request's Accept field, as far as the request could be read. */
  readonly accept: string
  readonly headOnly: boolean
  readonly keepAlive: boolean
}

/** A whole response of the balancer itself: a page, JSON or plain text, as Accept would have it. */
export function errorResponse(page: ErrorPage): string {
  const { status, code } = page
  const reason = STATUS_CODES[status] ?? 'Error'
  const { type, body } = bodyFor(page, reason)
  return (
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body, 'latin1')}\r\n` +
    `Cache-Control: no-store\r\nBaton-Error: ${code}\r\nDate: ${httpDate()}\r\n` +
    (status === 503 ? 'Retry-After: 1\r\n' : '') +
    (status === 405 ? 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n' : '') +
    `Connection: ${page.keepAlive ? 'keep-alive' : 'close'}\r\n\r\n${page.headOnly ? '' : body}`
  )
}

let dateSecond = 0
let dateText = ''

/** The Date field's value, made once a second. */
export function httpDate(): string {
  const second = Math.floor(Date.now() / 1000)
  if (second !== dateSecond) {
    dateSecond = second
    dateText = new Date(second * 1000).toUTCString()
  }
  return dateText
}

function bodyFor({ status, code, message, accept }: ErrorPage, reason: string): { type: string; body: string } {
  switch (preferred(accept)) {
    case 'html':
      return { type: 'text/html; charset=utf-8', body: htmlPage(`${status} ${reason}`, message) }
    case 'json':
      return { type: 'application/json', body: `${JSON.stringify({ error: { status, code, message } })}\n` }
    default:
      return { type: 'text/plain; charset=utf-8', body: `${status} ${reason}: ${message}\n` }
  }
}

/** The first of the types we have, in the order of the client's own weights; plain text where it names none of them. */
function preferred(accept: string): 'html' | 'json' | 'text' {
  let best: 'html' | 'json' | 'text' = 'text'
  let bestWeight = 0
  for (const item of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = item.split(';').map((part) => part.trim())
    const weight = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1)
    const kind = kindOf(type)
    if (kind !== undefined && weight > bestWeight) {
      best = kind
      bestWeight = weight
    }
  }
  return best
}

function kindOf(type: string): 'html' | 'json' | 'text' | undefined {
  if (type === 'text/html') return 'html'
  if (type === 'text/plain') return 'text'
  return /^application\/(?:[\w.-]+\+)?json$/.test(type) ? 'json' : undefined
}

function htmlPage(title: string, message: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto 0;padding:0 1rem}h1{font-size:1.25rem}</style>
<h1>${escaped(title)}</h1>
<p>${escaped(message)}</p>
</html>
`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
