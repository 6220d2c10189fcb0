import type { Config } from '@baton/core'

const secretName = /secret|token|passw|pwd|credential|private|api_?key|_key$|auth|dsn|database_url|connection/i

/** A function that takes the configuration's secrets out of a text: passwords in URLs and values of telling names. */
export function createRedaction(config: Config): (text: string) => string {
  const secrets = [...new Set(secretsOf(config).flatMap(withItsLines))]
    .filter((secret) => secret.length >= 4)
    .sort((a, b) => b.length - a.length)
  return (text) => {
    let redacted = text
    for (const secret of secrets) redacted = redacted.replaceAll(secret, '[redacted]')
    // Other people's URLs may carry a password as well.
    return redacted.replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s@/]+@/gi, '$1:[redacted]@')
  }
}

function secretsOf(config: Config): string[] {
  const fromEnv = config.nodes.flatMap((node) =>
    Object.entries(node.app.env).flatMap(([name, value]) => (secretName.test(name) ? [value] : passwordsIn(value))),
  )
  const fromOptions = config.nodes.flatMap(({ app }) =>
    app.driver !== 'tomcat' ? [] : app.javaOptions.flatMap((option) => secretsOfOption(option)),
  )
  return [...fromEnv, ...fromOptions, ...passwordsIn(config.sessions.store)]
}

/** `-Ddb.password=…` */
function secretsOfOption(option: string): string[] {
  const [, name = '', value = ''] = /^-D([^=]+)=(.*)$/s.exec(option) ?? []
  return secretName.test(name) ? [value] : passwordsIn(value)
}

/** A log is read line by line: a key of several lines never comes whole. */
function withItsLines(secret: string): string[] {
  const lines = secret.split(/[\r\n]+/)
  return lines.length === 1 ? [secret] : [secret, ...lines.filter((line) => line.length >= 8)]
}

function passwordsIn(value: string): string[] {
  if (!URL.canParse(value)) return []
  const { password } = new URL(value)
  return password === '' ? [] : [password, decodeURIComponent(password)]
}
