import { afterAll, beforeAll, describe } from 'vitest'
import { describeLogins } from './describe-logins.ts'
import { describeRaces } from './describe-races.ts'
import { describeTimes } from './describe-times.ts'
import { describeValues } from './describe-values.ts'
import { type Stacks, startStacks } from './stacks.ts'
import { hasTomcat } from './tomcat-home.ts'

describe.skipIf(!hasTomcat)('Tomcat and Node.js over one Redis', () => {
  let starting: Promise<Stacks>
  let stacks: Stacks
  beforeAll(async () => {
    starting = startStacks()
    stacks = await starting
  }, 120_000)
  afterAll(async () => (await starting).stop(), 60_000)

  describe('know the same user:', () => describeLogins(() => stacks))
  describe('understand the same values:', () => describeValues(() => stacks))
  describe('keep the same time:', () => describeTimes(() => stacks))
  describe("do not get in each other's way:", () => describeRaces(() => stacks))
})
