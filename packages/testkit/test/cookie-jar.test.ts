import { expect, test } from 'vitest'
import { createCookieJar } from '../src/traffic/cookie-jar.ts'

test('a cookie is sent back with its value as it came, attributes left out', () => {
  const jar = createCookieJar()
  jar.keep(['JSESSIONID=a.b==; Path=/; HttpOnly; SameSite=Lax', 'theme=dark'])
  expect(jar.header()).toBe('JSESSIONID=a.b==; theme=dark')
})

test('a newer value replaces the older', () => {
  const jar = createCookieJar()
  jar.keep(['id=1'])
  jar.keep(['id=2'])
  expect(jar.header()).toBe('id=2')
})

test('an ended cookie is dropped, by Max-Age or by Expires', () => {
  const jar = createCookieJar()
  jar.keep(['a=1', 'b=2', 'c=3; Max-Age=60'])
  jar.keep(['a=; Max-Age=0', 'b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT'])
  expect(jar.header()).toBe('c=3')
})

test('nothing is sent before anything was set', () => {
  const jar = createCookieJar()
  jar.keep(undefined)
  expect(jar.header()).toBeUndefined()
})
