// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of nginx and HAProxy look like that
import { expect, test } from 'vitest'
import { parseSections } from '../../src/balancers/haproxy/lint/sections.ts'
import { addressKey, serversOf } from '../../src/balancers/haproxy/lint/servers.ts'
import { durationMs, inEffect, option, timeoutMs } from '../../src/balancers/haproxy/lint/settings.ts'

const parse = (text: string) => parseSections(text, '/etc/haproxy/haproxy.cfg')

test.each<[what: string, line: string, words: string[]]>([
  ['words are separated by white space', 'log  global\tlocal0', ['log', 'global', 'local0']],
  ['a # starts a comment', 'mode http # tcp', ['mode', 'http']],
  [
    'a # in quotes or behind a backslash is a letter',
    String.raw`a "b # c" d\#e 'f # g'`,
    ['a', 'b # c', 'd#e', 'f # g'],
  ],
  ['quotes may stand within a word', `a b"c d"e`, ['a', 'bc de']],
  ['a space behind a backslash is a letter', String.raw`a b\ c`, ['a', 'b c']],
  ['single quotes take a backslash as it is', String.raw`a 'b\c'`, ['a', String.raw`b\c`]],
  ['an empty word is a word', 'a ""', ['a', '']],
])('%s', (_, line, words) => {
  const [section] = parse(`backend b\n  ${line}\n`)
  expect(section?.lines.map(({ keyword, args }) => [keyword, ...args])).toEqual([words])
})

test('a quote that is not closed is refused, as by HAProxy', () => {
  expect(() => parse('global\n  a "b')).toThrow(/haproxy\.cfg:2: the quote " is not closed/)
})

test('a section has its kind, name and lines; directives of the preprocessor are no lines', () => {
  const text = '# one\nglobal\n  daemon\n.if defined(A)\nbackend shop\r\n  no option redispatch\n.endif\nlisten a'
  expect(parse(text)).toMatchObject([
    { kind: 'global', name: '', line: 2, lines: [{ keyword: 'daemon', line: 3 }] },
    {
      kind: 'backend',
      name: 'shop',
      line: 5,
      lines: [{ keyword: 'option', args: ['redispatch'], negated: true, line: 6 }],
    },
    { kind: 'listen', name: 'a', line: 8, lines: [] },
  ])
})

const inherited = parse(`
defaults base
  mode http
  timeout client 30s
  option redispatch
defaults other from base
  timeout client 10
backend last
backend named from base
  no option redispatch
backend own
  mode tcp
`)

test('what a section does not set comes from the last defaults above it, or from those it names', () => {
  const [, , last, named, own] = inherited
  if (last === undefined || named === undefined || own === undefined) throw new Error('a section is missing')
  expect([last, named, own].map((section) => inEffect(section, 'mode')[0]?.args[0])).toEqual(['http', 'http', 'tcp'])
  expect([last, named, own].map((section) => timeoutMs(section, 'client'))).toEqual([10, 30_000, 10])
  expect([last, named, own].map((section) => option(section, 'redispatch') !== null)).toEqual([true, false, true])
})

test('servers have the parameters of the default-server lines above them', () => {
  const text =
    'defaults\n default-server check\nbackend b\n server a 1.1.1.1:1\n default-server inter 1s\n server b :80 backup'
  expect(parse(text).flatMap(serversOf)).toEqual([
    { name: 'a', address: '1.1.1.1:1', line: 4, parameters: ['check'] },
    { name: 'b', address: ':80', line: 6, parameters: ['check', 'inter', '1s', 'backup'] },
  ])
})

test.each([
  ['127.0.0.1:80', '127.0.0.1:80'],
  ['localhost:80', '127.0.0.1:80'],
  ['ipv4@127.0.0.1:80', '127.0.0.1:80'],
  ['[::1]:80', '::1:80'],
  ['unix@/run/app.sock', null],
  ['/run/app.sock', null],
  ['$HOST:80', null],
  ['${HOST}:80', null],
])('the address %s is compared as %s', (address, expected) => {
  expect(addressKey(address)).toBe(expected)
})

test.each([
  ['5000', 5_000],
  ['5s', 5_000],
  ['500ms', 500],
  ['2m', 120_000],
  ['1h', 3_600_000],
  ['soon', null],
])('the time %s is %s ms', (text, expected) => {
  expect(durationMs(text)).toBe(expected)
})
