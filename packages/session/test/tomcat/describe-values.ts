import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Session } from '../../src/session.ts'
import { adapters, serve, type TestApp } from '../app.ts'
import type { Stacks } from './stacks.ts'
import { type Visitor, visitor } from './visitor.ts'

const ms = 1_700_000_000_123

/** What one stack writes, the other reads with its type, changes, and gives back with the type that it had. */
export function describeValues(stacks: () => Stacks): void {
  let browser: Visitor
  let tomcat: string
  let other: string
  let app: TestApp
  /** What the app does with its session; it answers what this gives, as JSON. */
  let act: (session: Session) => unknown = () => undefined
  beforeAll(async () => {
    const answer = async (session: Session, res: ServerResponse) =>
      res.end(JSON.stringify((await act(session)) ?? null))
    app = await serve(adapters.express(stacks().sessions.express, { '/act': answer }))
  })
  afterAll(() => app?.close())
  beforeEach(() => {
    browser = visitor()
    ;[tomcat, other] = stacks().tomcats
  })

  async function inNode(what: typeof act): Promise<unknown> {
    act = what
    return JSON.parse(await browser.read(`${app.origin}/act`))
  }

  async function tagOf(name: string): Promise<string | undefined> {
    return (await stacks().look.text(browser.id, `.${name}`))?.charAt(0)
  }

  it('Node.js reads what Java wrote', async () => {
    await browser.read(`${tomcat}/types`)
    let seen: unknown
    await inNode((session) => {
      seen = { ...session }
    })
    expect(seen).toEqual({
      integer: 7,
      long: 8,
      bigLong: 9_007_199_254_740_993n,
      double: 9.5,
      wholeDouble: 42,
      boolean: true,
      string: 'Grüße 👋',
      date: new Date(ms),
      bytes: Buffer.from([0, 1, 255]),
      map: { name: 'ann', points: 3 },
      list: ['one', 2, 2.5, true],
    })
  })

  it('what Java wrote and Node.js changed is cast by Java as before, again and again', async () => {
    await browser.read(`${tomcat}/types`)
    for (const node of [other, tomcat, other]) {
      await inNode(step)
      // Casts each to its type: a ClassCastException is a 500.
      await browser.read(`${node}/step`)
    }
    expect(await browser.read(`${tomcat}/show-all`)).toBe(
      [
        'integer: Integer 13',
        'long: Long 14',
        'bigLong: Long 9007199254740999',
        'double: Double 15.5',
        'wholeDouble: Double 48.0',
        // Toggled by both, each time.
        'boolean: Boolean true',
        'string: String Grüße 👋?!?!?!',
        `date: Date ${ms + 3 * 1_001}`,
        'bytes: byte[] [0, 1, -1, 2]',
        'map: LinkedHashMap {name=String ann, node=ArrayList [Integer 1, Double 2.5, null], points=Integer 9}',
        'list: ArrayList [String one, Integer 2, Double 2.5, Boolean true, String node, String java, ' +
          'String node, String java, String node, String java]',
      ].join('\n'),
    )
  })

  it('Java reads what Node.js wrote', async () => {
    await inNode((session) => {
      session.small = 5
      session.large = 5e9
      session.bigint = 2n ** 62n
      session.fraction = 1.5
      session.minusZero = -0
      session.yes = true
      session.text = 'naïve\n"x"'
      session.date = new Date(ms)
      session.bytes = Buffer.from([0, 255])
      session.map = { deep: { list: [1, 2.5, 'x', null, true, 5e9] } }
      session.list = []
      session[''] = 'no name'
    })
    const shown: Record<string, string> = {
      small: 'Integer 5',
      large: 'Long 5000000000',
      bigint: 'Long 4611686018427387904',
      fraction: 'Double 1.5',
      minusZero: 'Double -0.0',
      yes: 'Boolean true',
      text: 'String naïve\n"x"',
      date: `Date ${ms}`,
      bytes: 'byte[] [0, -1]',
      map: 'LinkedHashMap {deep=LinkedHashMap {list=ArrayList [Integer 1, Double 2.5, String x, null, Boolean true, Long 5000000000]}}',
      list: 'ArrayList []',
      '': 'String no name',
    }
    for (const [name, value] of Object.entries(shown)) {
      expect(await browser.read(`${tomcat}/show?name=${name}`), name).toBe(value)
    }
  })

  it('reading writes nothing, on neither side, whatever the type', async () => {
    await browser.read(`${tomcat}/types`)
    await browser.read(`${tomcat}/parcel`)
    const { look } = stacks()
    const version = await look.text(browser.id, '@v')
    await inNode((session) => Object.keys(session.toJSON()))
    await browser.read(`${tomcat}/show-all`)
    await browser.read(`${other}/show-all`)
    await browser.read(`${other}/show?name=parcel`)
    expect(await look.text(browser.id, '@v')).toBe(version)
  })

  it('what one removes is gone on the other, and what it assigns anew has the new type', async () => {
    await browser.read(`${tomcat}/types`)
    await inNode((session) => {
      delete session.map
      session.long = 'eight'
    })
    expect(await browser.read(`${other}/show?name=map`)).toBe('null')
    expect(await browser.read(`${other}/show?name=long`)).toBe('String eight')
    await browser.read(`${tomcat}/remove?name=list`)
    expect(await inNode((session) => ['list' in session, 'map' in session])).toEqual([false, false])
  })

  it('each sees what the other changed in place', async () => {
    await browser.read(`${tomcat}/types`)
    await inNode((session) => void (session.list as unknown[]).push('a'))
    await browser.read(`${other}/append?item=b`)
    await inNode((session) => void (session.list as unknown[]).push('c'))
    expect(await browser.read(`${tomcat}/show?name=list`)).toMatch(/String a, String b, String c]$/)
  })

  describe('a Java-serialised value', () => {
    it('is the same, byte for byte, after 1,000 writes of other attributes from Node.js', async () => {
      await browser.read(`${tomcat}/parcel`)
      const { look } = stacks()
      const before = await look.field(browser.id, '.parcel')
      expect(before?.subarray(0, 1).toString()).toBe('J')
      for (let i = 0; i < 20; i += 1) {
        await inNode(async (session) => {
          for (let j = 0; j < 50; j += 1) {
            session[`other${j % 7}`] = `${i} ${j}`
            await session.save()
          }
        })
      }
      expect(Number(await look.text(browser.id, '@v'))).toBeGreaterThan(1_000)
      expect(await look.field(browser.id, '.parcel')).toEqual(before)
      expect(await browser.read(`${other}/show?name=parcel`)).toBe('Parcel books of 1.2 kg, 1 day')
    })

    it('is an error of its own in Node.js, is listed there, and goes along to new ids of both sides', async () => {
      await browser.read(`${tomcat}/parcel`)
      const { look, node } = stacks()
      const before = await look.field(browser.id, '.parcel')
      const seen = await inNode((session) => {
        try {
          return session.parcel
        } catch (error) {
          return [(error as { code: string }).code, 'parcel' in session, Object.keys(session), session.toJSON()]
        }
      })
      expect(seen).toEqual(['session-format', true, ['parcel'], {}])
      await browser.get(`${node.koa}/login?user=ann`)
      await inNode((session) => session.regenerate())
      await browser.read(`${tomcat}/change-id`)
      expect(await look.field(browser.id, '.parcel')).toEqual(before)
      expect(await browser.read(`${other}/show?name=parcel`)).toBe('Parcel books of 1.2 kg, 1 day')
      await inNode((session) => {
        session.parcel = 'unpacked'
      })
      expect(await browser.read(`${other}/show?name=parcel`)).toBe('String unpacked')
    })
  })

  it('fields and values of the future are kept by both, byte for byte, at writes and at new ids', async () => {
    await browser.read(`${tomcat}/types`)
    const { look, node } = stacks()
    const [meta, value] = [Buffer.from('later'), Buffer.from('Qabcdef\u0000\u00ff', 'latin1')]
    await look.put(browser.id, '@future', meta)
    await look.put(browser.id, '.future', value)
    await look.put(browser.id, '@j.other', meta)
    await browser.read(`${tomcat}/step`)
    await inNode(step)
    await browser.get(`${node.hono}/login?user=ann`)
    await browser.read(`${other}/change-id`)
    expect(await browser.read(`${tomcat}/names`)).toContain('future')
    expect(await browser.read(`${tomcat}/show?name=future`)).toBe('null')
    expect(await Promise.all(['@future', '.future', '@j.other'].map((name) => look.field(browser.id, name)))).toEqual([
      meta,
      value,
      meta,
    ])
  })

  it('types on the wire stay what Java made them', async () => {
    await browser.read(`${tomcat}/types`)
    await inNode(step)
    const names = ['integer', 'long', 'bigLong', 'double', 'wholeDouble', 'boolean', 'string', 'date', 'bytes', 'map']
    expect(await Promise.all(names.map(tagOf))).toEqual(['i', 'l', 'l', 'd', 'd', 'b', 's', 't', 'u', 'j'])
  })
}

/** As Types.java does it. */
function step(session: Session): void {
  session.integer = (session.integer as number) + 1
  session.long = (session.long as number) + 1
  session.bigLong = (session.bigLong as bigint) + 1n
  session.double = (session.double as number) + 1
  session.wholeDouble = (session.wholeDouble as number) + 1
  session.boolean = !session.boolean
  session.string = `${session.string}?`
  session.date = new Date((session.date as Date).getTime() + 1_000)
  session.bytes = Buffer.concat([(session.bytes as Buffer).subarray(0, 3), Buffer.from([1])])
  const map = session.map as { points: number; node?: unknown }
  map.points += 1
  map.node = [1, 2.5, null]
  ;(session.list as unknown[]).push('node')
}
