// A release that is broken in the way its first argument says, and talkative.
import { createServer } from 'node:http'

const { API_TOKEN, MIRROR, SIGNING_KEY, HOST, PORT, BATON_NODE } = process.env
console.log(`token ${API_TOKEN}, mirror ${MIRROR}, key ${SIGNING_KEY}`)

/** @type {Record<string, () => void>} */
const faults = {
  'exits at start'() {
    console.error('no licence found')
    process.exit(7)
  },
  'listens too late'() {
    console.log('warming up')
    setTimeout(() => serve(200), 120_000)
  },
  'answers 500'() {
    console.error('no database')
    serve(500)
  },
  'is another release'() {
    console.log('built from yesterday')
    serve(200, { 'Baton-Release': 'yesterday' })
  },
}

faults[process.argv[2] ?? '']?.()

/**
 * @param {number} status
 * @param {Record<string, string>} [headers]
 */
function serve(status, headers = {}) {
  createServer((_request, response) => {
    response.writeHead(status, { 'Baton-Node': BATON_NODE, ...headers }).end()
  }).listen(Number(PORT), HOST)
}
