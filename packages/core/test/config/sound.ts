/** A configuration, and all that is wrong with it, in the order of the file. */
export interface BadConfiguration {
  readonly name: string
  readonly yaml: string
  readonly problems: readonly ExpectedProblem[]
}

/** `message` and `remedy` are parts of what is said. */
export type ExpectedProblem = readonly [path: string, line: number, message: string, remedy: string]

/** Five lines, so that what a row adds stands on line 6. */
export const sound = `name: shop
app: { command: node server.js }
nodes:
  web-1: { address: 127.0.0.1:3001 }
  web-2: { address: 127.0.0.1:3002 }
`

/** The sound configuration with another text in the place of one of its own. */
export function instead(of: string, by: string): string {
  if (!sound.includes(of)) throw new Error(`nothing to replace: ${of}`)
  return sound.replace(of, by)
}

export function command(text: string): string {
  return instead('node server.js', text)
}

export function address(text: string): string {
  return instead('127.0.0.1:3002', text)
}
