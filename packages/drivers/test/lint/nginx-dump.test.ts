// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of nginx and HAProxy look like that
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { needServer, type TempDir, tempDir } from '@baton/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Directive } from '../../src/balancers/nginx/lint/directive.ts'
import { includes, parseDump } from '../../src/balancers/nginx/lint/dump.ts'
import { durationMs } from '../../src/balancers/nginx/lint/duration.ts'

type Words = (string | Words)[]

/** The words of every directive, the block's last. */
function words(directives: readonly Directive[]): Words[] {
  return directives.map(({ name, args, block, lua }) => [
    name,
    ...args,
    ...(lua === null ? [] : [lua]),
    ...(block === null ? [] : [words(block)]),
  ])
}

const parse = (text: string) => parseDump(`# configuration file /etc/nginx/nginx.conf:\n${text}\n`)

test.each<[what: string, text: string, expected: Words[]]>([
  ['words are separated by any white space', 'a  b\tc\n d;', [['a', 'b', 'c', 'd']]],
  ['a directive may have no argument', 'ip_hash;', [['ip_hash']]],
  ['blocks stand in blocks', 'a { b c { d; } } e;', [['a', [['b', 'c', [['d']]]]], ['e']]],
  ['a block needs no space in front of it', 'a b{c;}', [['a', 'b', [['c']]]]],
  ['signs in quotes are letters', `a "b; { } # c" 'd "e"';`, [['a', 'b; { } # c', 'd "e"']]],
  ['quotes are escaped within themselves', String.raw`a "b \" c" 'd \' e';`, [['a', 'b " c', "d ' e"]]],
  ['a quote within a word is a letter', `a b"c d'e;`, [['a', 'b"c', "d'e"]]],
  ['an empty word is a word', `a "" '';`, [['a', '', '']]],
  ['an empty word may be the name, as in a map', `map $a $b { '' close; }`, [['map', '$a', '$b', [['', 'close']]]]],
  ['a comment goes to the end of its line', 'a b; # c; {\nd;', [['a', 'b'], ['d']]],
  ['a # within a word starts no comment', 'a b#c;', [['a', 'b#c']]],
  ['a variable in braces opens no block', 'a ${b}c{d;}', [['a', '${b}c', [['d']]]]],
  ['a backslash hides what ends a word', String.raw`a b\;c d\ e;`, [['a', String.raw`b\;c`, String.raw`d\ e`]]],
  [
    'expressions keep their backslashes',
    String.raw`location ~ \.php$ { a; }`,
    [['location', '~', String.raw`\.php$`, [['a']]]],
  ],
  ['two backslashes are one', String.raw`a b\\c;`, [['a', String.raw`b\c`]]],
  ['a quoted word may end a condition', 'if ($a = "b") { c; }', [['if', '($a', '=', 'b', ')', [['c']]]]],
  ['a file may end its lines with CR LF', 'a b;\r\nc;\r\n', [['a', 'b'], ['c']]],
  ['a Lua block is one text', 'log_by_lua_block { a = {} } b;', [['log_by_lua_block', ' a = {} '], ['b']]],
  [
    'braces in strings of Lua do not count',
    `a_by_lua_block { "}" '\\'}' [[ } ]] [==[ ]] } ]==] } b;`,
    [['a_by_lua_block', ` "}" '\\'}' [[ } ]] [==[ ]] } ]==] `], ['b']],
  ],
  [
    'braces in comments of Lua do not count',
    'a_by_lua_block { -- }\n --[[ }\n } ]] }',
    [['a_by_lua_block', ' -- }\n --[[ }\n } ]] ']],
  ],
])('%s', (_, text, expected) => {
  expect(words(parse(text).directives)).toEqual(expected)
})

test.each([
  ['a b', /nginx\.conf:2: the file ends within/],
  ['a {', /the file ends within/],
  ['a; }', /nginx\.conf:1: "}" is not expected/],
  ['a\n}', /nginx\.conf:2: "}" is not expected/],
  ['{ a; }', /"{" is not expected/],
  [';', /";" is not expected/],
  ['a "b', /the quote " is not closed/],
  ['a "b"c;', /"c" follows a closing quote/],
  ['a_by_lua_block { "}" ', /the Lua block is not closed/],
])('%j is refused, as by nginx', (text, message) => {
  expect(() => parse(text)).toThrow(message)
})

describe('as the real nginx', () => {
  let folder: TempDir
  beforeAll(async () => {
    folder = await tempDir()
  })
  afterAll(() => folder.remove())

  /** What it says of a configuration that it refuses. */
  async function refusal(program: string, text: string): Promise<string> {
    const path = join(folder.path, `${randomUUID()}.conf`)
    await writeFile(path, text)
    const args = ['-t', '-e', 'stderr', '-p', folder.path, '-c', path]
    return promisify(execFile)(program, args).then(
      () => 'accepted',
      ({ stderr }: { stderr: string }) => stderr,
    )
  }

  // nginx names a directive that it does not know, unquoted and unescaped.
  test.for([
    'plain b;',
    '"in quotes" b;',
    "'in quotes' b;",
    String.raw`"a \" b" c;`,
    String.raw`'a \' b' c;`,
    String.raw`a\;b c;`,
    String.raw`a\ b c;`,
    String.raw`a\.b\d c;`,
    String.raw`a\\b c;`,
    'a"b"c d;',
    'a#b c;',
    'a${b}c d;',
    'a}b c;',
    'a$ b;',
    '# comment; {\n  a b;',
    'a{b;}',
    '"a"{b;}',
    'a "b")c;',
    '"a";',
  ])('the name of %s is read', async (text, context) => {
    const words = await refusal(needServer('nginx', context), `\n${text}\n`)
    const [directive] = parse(`\n${text}\n`).directives
    expect(words).toContain(`unknown directive "${directive?.name}"`)
    expect(words).toMatch(new RegExp(`:${directive?.line}\\n`))
  })

  test.for(['worker_processes 1', 'events {', 'events {};}', 'events {}\n}', '{}', ';', 'pid "b', 'pid "b"c;'])(
    '%s is refused',
    async (text, context) => {
      const words = await refusal(needServer('nginx', context), text)
      expect(words).toMatch(/unexpected|is not terminated/)
      expect(() => parse(text)).toThrow(/nginx\.conf:\d+: /)
    },
  )
})

test('a directive knows its file, its line and the block it stands in', () => {
  const [http] = parse('# one\nhttp {\n  a "1\n2"\n  b;\n  log_by_lua_block {\n  }\n  c; }').directives
  const lines = http?.block?.map(({ name, line, parent }) => [name, line, parent?.name])
  expect(lines).toEqual([
    ['a', 3, 'http'],
    ['log_by_lua_block', 6, 'http'],
    ['c', 8, 'http'],
  ])
  expect(http).toMatchObject({ file: '/etc/nginx/nginx.conf', line: 2, parent: null })
})

const dump = `# configuration file /etc/nginx/nginx.conf:
http { include conf.d/*.conf; include /srv/one; include none; server { include snippet; } server { include snippet; } }

# configuration file /etc/nginx/conf.d/b.conf:
b;

# configuration file /etc/nginx/conf.d/a.conf:
a;
# configuration file /srv/one:
one;
# configuration file /etc/nginx/snippet:
root /;
`

test('an include is replaced by its files, in alphabetical order, also where a file is included twice', () => {
  const { directives, mainFile } = parseDump(dump)
  const server: Words = ['server', [['root', '/']]]
  expect(words(directives)).toEqual([['http', [['a'], ['b'], ['one'], server, server]]])
  expect(mainFile).toBe('/etc/nginx/nginx.conf')
  const roots = directives[0]?.block?.filter(({ name }) => name === 'server').map(({ block }) => block?.[0])
  expect(roots?.map((root) => [root?.file, root?.line, root?.parent?.name])).toEqual([
    ['/etc/nginx/snippet', 1, 'server'],
    ['/etc/nginx/snippet', 1, 'server'],
  ])
  expect(roots?.[0]?.parent).not.toBe(roots?.[1]?.parent)
})

test('includes are told with absolute patterns', () => {
  const patterns = parseDump(dump).includes.map(({ pattern, directive }) => [pattern, directive.parent?.name])
  expect(patterns.slice(0, 4)).toEqual([
    ['/etc/nginx/conf.d/*.conf', 'http'],
    ['/srv/one', 'http'],
    ['/etc/nginx/none', 'http'],
    ['/etc/nginx/snippet', 'server'],
  ])
})

test('a text without a configuration file is refused', () => {
  expect(() => parseDump('nginx: command not found')).toThrow(/printed no configuration file/)
})

test.each([
  ['/a/*.conf', '/a/b.conf', true],
  ['/a/*.conf', '/a/b/c.conf', false],
  ['/a/*.conf', '/a/.b.conf', false],
  ['/a/*', '/a/b', true],
  ['/a/?.conf', '/a/b.conf', true],
  ['/a/[bc].conf', '/a/c.conf', true],
  ['/a/[!bc].conf', '/a/c.conf', false],
  ['/a/b+(1)*', '/a/b+(1)', true],
  ['/*/b', '/a/b', true],
  ['/a/b.conf', '/a/b.conf', true],
  ['/a/b.conf', '/a/bxconf', false],
])('%s includes %s: %s', (pattern, file, expected) => {
  expect(includes(pattern, file)).toBe(expected)
})

test.each([
  ['75', 75_000],
  ['4s', 4_000],
  ['500ms', 500],
  ['1m30s', 90_000],
  ['1m 30s', 90_000],
  ['2h', 7_200_000],
  ['1M', 2_592_000_000],
  ['off', null],
  ['$time', null],
])('the time %s is %s ms', (text, expected) => {
  expect(durationMs(text)).toBe(expected)
})
