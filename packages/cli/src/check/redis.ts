import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/**
 * Logs in to the Redis of a URL, selects its database and sends PING. Resolves to `PONG`, to the code of the first error
 * (`NOAUTH`, `WRONGPASS`), or to `?` for an answer that is not Redis'. Rejects where nobody answers.
 */
export async function askRedis(url: string, signal: AbortSignal): Promise<string> {
  const commands = commandsOf(new URL(url))
  const socket = open(new URL(url))
  const end = () => socket.destroy(new Error('aborted'))
  signal.addEventListener('abort', end, { once: true })
  try {
    socket.write(commands.map(encode).join(''))
    return await readAnswer(socket, commands.length)
  } finally {
    signal.removeEventListener('abort', end)
    socket.destroy()
  }
}

function open({ protocol, hostname, port: written }: URL): Socket {
  const host = hostname.replace(/^\[|\]$/g, '')
  const port = written === '' ? 6379 : Number(written)
  if (protocol === 'redis:') return connectTcp({ host, port })
  return connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }) })
}

function commandsOf({ username, password, pathname }: URL): string[][] {
  const user = decodeURIComponent(username)
  const secret = decodeURIComponent(password)
  const database = pathname.replace('/', '')
  return [
    ...(secret === '' ? [] : [user === '' ? ['AUTH', secret] : ['AUTH', user, secret]]),
    ...(database === '' || database === '0' ? [] : [['SELECT', database]]),
    ['PING'],
  ]
}

/** RESP: an array of bulk strings. */
function encode(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`
}

/** Reads so many replies, of one line each; the first error is the answer, and so is the last reply. */
async function readAnswer(socket: Socket, replies: number): Promise<string> {
  let text = ''
  for await (const chunk of socket) {
    text += String(chunk)
    const lines = text.split('\r\n').slice(0, -1)
    const wrong = lines.find((line) => !/^\+(OK|PONG)$/.test(line))
    if (wrong !== undefined) return /^-([A-Z]+) /.exec(wrong)?.[1] ?? '?'
    if (lines.length >= replies) return 'PONG'
    if (text.length > 4096) return '?'
  }
  throw new Error('closed without an answer')
}
