import { connect } from 'node:net'
import { BatonError } from '@baton/core'
import { isForbidden, reasonOf, untilAnswered } from '../../until-answered.ts'

/** HAProxy's runtime API (management guide, 9.3) on a unix socket. */
export interface RuntimeSocket {
  readonly path: string
}

export interface AskOptions {
  readonly signal: AbortSignal
  /** Asked when the connection stands, immediately before the commands go out; false sends nothing. */
  readonly isWanted?: () => boolean
}

/**
 * Sends commands over one connection, so that one process of HAProxy answers all of them, and returns an answer for each,
 * in order, without its last line end; null where they were not wanted any more.
 *
 * Commands must be safe to repeat: where nothing answers, or the answers are not complete, HAProxy may be restarting, and
 * they are sent again until the signal aborts. Only then it fails with `balancer-unreachable`; at once where the socket
 * belongs to somebody else.
 */
export async function askHaproxy(
  socket: RuntimeSocket,
  commands: readonly string[],
  { signal, isWanted = () => true }: AskOptions,
): Promise<readonly string[] | null> {
  return untilAnswered<readonly string[] | null>(
    async () => {
      const text = await exchange(socket, commands, { signal, isWanted })
      if (text === null) return { answer: null }
      const answers = split(text)
      if (answers.length === commands.length) return { answer: answers }
      return { failure: new Error('it closes the connection before it has answered') }
    },
    { signal, unreachable: (cause) => unreachable(socket, cause) },
  )
}

/** In a reload a connection may land with a process that no longer takes any: another try finds the new one. */
const SILENCE_MS = 2_000

function exchange(
  { path }: RuntimeSocket,
  commands: readonly string[],
  { signal, isWanted }: Required<AskOptions>,
): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
    const chunks: Buffer[] = []
    const abort = () => socket.destroy(new Error('it does not answer in time'))
    signal.addEventListener('abort', abort)
    socket.setTimeout(SILENCE_MS, abort)
    socket.on('connect', () => {
      if (isWanted()) return socket.write(`${commands.join(';')}\n`)
      socket.destroy()
      return resolve(null)
    })
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => {
      signal.removeEventListener('abort', abort)
      resolve(Buffer.concat(chunks).toString('utf8'))
    })
  })
}

/** An empty line ends each answer, and none has one within (management guide, 9.3). What is not ended is left out. */
function split(text: string): string[] {
  const answers: string[] = []
  let lines: string[] = []
  for (const line of text.split('\n').slice(0, -1)) {
    if (line !== '') lines.push(line)
    else {
      answers.push(lines.join('\n'))
      lines = []
    }
  }
  return answers
}

function unreachable({ path }: RuntimeSocket, cause: unknown): BatonError {
  const message = `HAProxy's runtime socket ${path} cannot be reached: ${reasonOf(cause)}`
  const hint = isForbidden(cause)
    ? 'run baton as the user that owns the socket (`stats socket … user … mode 600 level admin`)'
    : 'see that HAProxy runs (systemctl status haproxy) and has this `stats socket` in its global section: baton balancer config'
  return new BatonError('balancer-unreachable', message, { hint, cause })
}
