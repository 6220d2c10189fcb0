import { parseConfig } from '@baton/core'
import { expect, test } from 'vitest'
import { createRedaction } from '../src/redaction.ts'

const parsed = parseConfig(
  `name: shop
app:
  command: node server.js
  env:
    API_TOKEN: tok-4711
    GREETING: hello there
    MIRROR: redis://:mirror%20word@127.0.0.1:6399/1
    SIGNING_KEY: "begin key\\nline of the key\\nend"
nodes: { web-1: { address: 127.0.0.1:3001 }, web-2: { address: 127.0.0.1:3002 } }
sessions: { store: 'redis://baton:store-word@127.0.0.1/0' }
`,
  'baton.yaml',
)
if (!('config' in parsed)) throw new Error(JSON.stringify(parsed.problems))
const redact = createRedaction(parsed.config)

test.each([
  ['a value of a telling name', 'the token is tok-4711.', 'the token is [redacted].'],
  ['a password, as it is and as it stands in its URL', 'mirror word, mirror%20word', '[redacted], [redacted]'],
  ['the password of the session store', 'AUTH baton store-word', 'AUTH baton [redacted]'],
  ['a password in any other URL', 'GET amqp://joe:s3cret@host/', 'GET amqp://joe:[redacted]@host/'],
  ['a line of a longer secret', '> line of the key', '> [redacted]'],
  ['nothing else', 'hello there, at http://host:80/end', 'hello there, at http://host:80/end'],
])('takes out %s', (_what, text, expected) => {
  expect(redact(text)).toBe(expected)
})
