import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { installedSessions, withoutSessions, withSessions } from '../../src/tomcat-install/context-text.ts'
import { tomcatHome } from './base.ts'

const file = 'conf/context.xml'
const store = 'redis://localhost:6379'
const debian = readFileSync(join(tomcatHome, 'etc/context.xml'), 'latin1')

const lines = [
  '<!-- baton: begin -->',
  '<Valve className="baton.tomcat.SessionValve" />',
  `<Manager className="baton.tomcat.SessionManager" store="${store}" namespace="app" />`,
  '<!-- baton: end -->',
]
const add = (text: string, wanted: object = { store, namespace: 'app' }) => withSessions(text, wanted, { file })

const texts: Readonly<Record<string, string>> = {
  "Debian's": debian,
  'one with the ends of lines of Windows': debian.replaceAll('\n', '\r\n'),
  'one without a last end of line': debian.trimEnd(),
  'one that begins with a byte order mark': `\xef\xbb\xbf${debian}`,
  'one in ISO 8859-1': `<?xml version="1.0" encoding="ISO-8859-1"?>\n<!-- f\xfcr alle -->\n<Context path="/\xe4">\n</Context>\n`,
  'one indented by tabs': '<?xml version="1.0"?>\n\t<Context>\n\t\t<Loader />\n\t</Context>\n\n\n',
  'one on one line': '<Context><WatchedResource>WEB-INF/web.xml</WatchedResource></Context>',
  'an empty one': '<Context></Context>\n',
  'one that is closed at once': '<Context docBase="a>b" reloadable=\'false\' />\n<!-- the end -->',
  'one with a closing tag in a comment behind it': '<Context>\n</Context>\n<!--\n</Context>\n-->\n',
  'one with a DOCTYPE and CDATA':
    '<!DOCTYPE Context [<!ENTITY a "</Context>">]>\n<Context>\n<P><![CDATA[</Context>]]></P>\n</Context>',
}

describe('context.xml', () => {
  test('gets our lines before its end, and nothing else of it changes', () => {
    const own = lines.map((line) => `    ${line}\n`).join('')
    expect(add(debian)).toBe(debian.replace(/<\/Context>\n$/, `${own}</Context>\n`))
  })

  test.each(Object.entries(texts))('%s is what it was when our lines are taken out again', (_, text) => {
    const changed = add(text)
    for (const line of lines.slice(1)) expect(changed).toContain(line)
    expect(installedSessions(changed, file)).toEqual({ store, madeLib: false })
    expect(add(changed)).toBe(changed)
    expect(withoutSessions(changed, file)).toBe(text)
  })

  test('keeps the ends of lines that it has', () => {
    expect(add(debian.replaceAll('\n', '\r\n'))).not.toMatch(/[^\r]\n/)
  })

  test('gets another store where the old one stands, and keeps what a person has added to our lines', () => {
    const edited = add(debian)
      .replace('SessionValve"', 'SessionValve" ignore=".*\\.css"')
      .replace(`store="${store}"`, `maxInactiveInterval="600"\n        store='${store}'`)
    const changed = add(edited, { store: 'redis://other/1?a=\'<&"ü' })
    expect(changed).toBe(edited.replace(store, 'redis://other/1?a=&#39;&#60;&#38;&#34;&#252;'))
    expect(installedSessions(changed, file)?.store).toBe('redis://other/1?a=\'<&"ü')
    expect(withoutSessions(changed, file)).toBe(debian)
  })

  test('gets a namespace that was not there before', () => {
    const changed = add(add(debian, { store }), { namespace: 'shop' })
    expect(changed).toContain(`<Manager className="baton.tomcat.SessionManager" namespace="shop" store="${store}" />`)
  })

  test.each([
    ['<Manager className="org.redisson.tomcat.RedissonSessionManager"/>', 'RedissonSessionManager'],
    ['<Manager pathname="" />', "Tomcat's own"],
    ['<Manager className="baton.tomcat.SessionManager" />', 'written by hand'],
    [
      '<Valve className="com.orangefunction.tomcat.redissessions.RedisSessionHandlerValve" />',
      'RedisSessionHandlerValve',
    ],
  ])('with %s in it is refused, and the line is named', (other, named) => {
    const text = debian.replace('</Context>', `${other}\n</Context>`)
    const refusal = (() => {
      try {
        return void add(text)
      } catch (error) {
        return error as { code: string; message: string; hint: string; log: string[] }
      }
    })()
    expect(refusal).toMatchObject({
      code: 'tomcat-manager-exists',
      message: expect.stringContaining('context.xml, line 31'),
    })
    expect(`${refusal?.log.join()} ${refusal?.hint}`).toContain(named)
    // The one that Tomcat's own file has in a comment is none.
    expect(debian).toContain('<Manager pathname="SESSIONS.ser" />')
  })

  test.each([
    ['<Context>', /line 1: <Context> is not closed/],
    ['<Context>\n</Host>', /line 2: <\/Host> closes nothing/],
    ['<Context>\n<!-- ', /line 2: a comment has no end/],
    ['<Context a=b></Context>', /line 1: this is no tag/],
    ['<Server></Server>', /no <Context>/],
    ['<Context><!-- baton: begin --></Context>', /do not come as one pair/],
  ])('that is damaged is refused: %s', (text, message) => {
    expect(() => add(text)).toThrow(message)
  })
})
