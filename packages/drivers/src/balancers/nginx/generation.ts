import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { statePaths } from './paths.ts'
import { takeSocket } from './take-socket.ts'

/**
 * A generation of the configuration is named by a token, new for each: `nginx -s reload` neither waits nor tells whether
 * it worked, but workers that answer with the token do run with the file that holds it.
 */
export function newGeneration(): string {
  return randomBytes(8).toString('hex')
}

/** The first lines of every file that Baton writes for nginx. */
export function headerOf(name: string, generation: string): string {
  return `# Written by baton for ${name}: it will be overwritten. See baton.yaml, and baton balancer install.
${MARK}${generation}
`
}

/** null where Baton has not written the text. */
export function generationOf(text: string | null): string | null {
  return /^# generation ([0-9a-f]+)$/m.exec(text ?? '')?.[1] ?? null
}

export function hasGeneration(text: string, generation: string): boolean {
  return text.includes(`${MARK}${generation}\n`)
}

/** The generation of the worker that answers; null where none does. */
export async function runningGeneration(stateDir: string): Promise<string | null> {
  // A socket that belongs to somebody else does not answer either.
  await takeSocket(stateDir).catch(() => {})
  return new Promise((resolve) => {
    const none = () => resolve(null)
    const where = { socketPath: statePaths(stateDir).adminSocket, path: '/v1/configuration', agent: false as const }
    const asked = request({ ...where, timeout: ANSWER_MS }, (answer) => {
      text(answer).then((body) => resolve(tokenIn(body)), none)
    })
    asked.on('timeout', () => asked.destroy())
    asked.on('error', none)
    asked.end()
  })
}

const MARK = '# generation '
const ANSWER_MS = 1_000

function tokenIn(body: string): string | null {
  try {
    const { token } = JSON.parse(body) as { token?: unknown }
    return typeof token === 'string' ? token : null
  } catch {
    return null
  }
}
