import { describe, expect, it } from 'vitest'
import { errorResponse } from '../../src/http/error-page.ts'
import { connectRaw, sendRaw } from './raw-client.ts'
import { startRig } from './rig.ts'

describe("the balancer's own errors", () => {
  it.each([
    [
      'text/html,application/xhtml+xml,*/*;q=0.8',
      'text/html; charset=utf-8',
      /^<!doctype html>[\s\S]*<h1>503 Service Unavailable<\/h1>/,
    ],
    ['application/json', 'application/json', /^\{"error":\{"status":503,"code":"no_node","message":".+"\}\}\n$/],
    ['application/problem+json', 'application/json', /^\{"error"/],
    ['text/html;q=0.5, application/json', 'application/json', /^\{"error"/],
    ['text/plain, text/html;q=0.5', 'text/plain; charset=utf-8', /^503 Service Unavailable: /],
    ['*/*', 'text/plain; charset=utf-8', /^503 Service Unavailable: /],
    ['', 'text/plain; charset=utf-8', /^503 /],
  ])('to a client that accepts "%s" are %s', async (accept, type, body) => {
    await using rig = await startRig([])
    const response = await fetch(rig.url, { headers: { accept } })

    expect(response.status).toBe(503)
    expect(response.headers.get('content-type')).toBe(type)
    expect(response.headers.get('baton-error')).toBe('no_node')
    expect(response.headers.get('retry-after')).toBe('1')
    expect(response.headers.get('cache-control')).toBe('no-store')
    const text = await response.text()
    expect(text).toMatch(body)
    expect(Number(response.headers.get('content-length'))).toBe(text.length)
  })

  it('to HEAD have no body, and the next request finds its place', async () => {
    await using rig = await startRig([])
    using client = await connectRaw(rig.port)

    client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')

    expect(await client.ends()).toMatch(/^(?:HTTP\/1\.1 503 .*\r\n(?:[A-Z].*\r\n)+\r\n){2}$/)
  })

  it('carry nothing of the request and nothing about versions', async () => {
    await using rig = await startRig([])
    const answer = await sendRaw(
      rig.port,
      'GET /<script>alert(1)</script> HTTP/1.1\r\nHost: "><script>\r\nAccept: text/html\r\nConnection: close\r\n\r\n',
    )
    expect(answer).not.toContain('script')
    expect(answer).not.toMatch(/server:/i)
  })

  it('are escaped as HTML', () => {
    const page = { status: 400, code: 'x', headOnly: false, keepAlive: false, accept: 'text/html' }
    expect(errorResponse({ ...page, message: '<b>&"' })).toContain('<p>&lt;b&gt;&amp;&quot;</p>')
  })
})
