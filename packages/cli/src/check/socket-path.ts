import { join } from 'node:path'
import type { Checks } from './check.ts'
import { ok, problem } from './verdict.ts'

/** unix(7): what fits into sun_path, without its final NUL. */
const longest = process.platform === 'linux' ? 107 : 103

/** The longest name of a socket there: the balancer's own, with the greatest process id of Linux. */
const longestName = 'balancer.sock.4194304'

export const socketPathChecks: Checks = (_, { stateDir }) => [
  {
    id: 'socket-path',
    subject: stateDir,
    async run() {
      const bytes = Buffer.byteLength(join(stateDir, longestName))
      if (bytes <= longest) return ok(`sockets fit: ${bytes} of ${longest} bytes`)
      return problem(
        `sockets below it have paths of ${bytes} bytes, ${longest} are allowed`,
        `move baton.yaml to a folder with a path ${bytes - longest} bytes shorter`,
      )
    },
  },
]
