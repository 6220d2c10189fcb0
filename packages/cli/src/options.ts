import { type Command, InvalidArgumentError, Option } from 'commander'

/** What every verb takes. */
export interface CommonOptions {
  readonly config: string
  readonly json: boolean
}

/** What the verbs that roll take. */
export interface RollFlags extends CommonOptions {
  readonly only: readonly string[] | null
  readonly timeout: number | null
  readonly wait: number
}

export function withCommon(command: Command): Command {
  return command
    .option('--config <file>', 'the configuration', 'baton.yaml')
    .option('--json', 'machine-readable: JSON on standard output and nothing else there', false)
}

export function withRollFlags(command: Command): Command {
  return withCommon(command)
    .addOption(onlyOption())
    .addOption(
      new Option('--timeout <duration>', 'longest time for the whole roll; past it the deploy fails')
        .argParser(parseDuration)
        .default(null, 'none'),
    )
    .addOption(waitOption())
}

/** Of the verbs that change an existing Tomcat. */
export function withTomcatFlags(command: Command): Command {
  return withCommon(command)
    .addOption(new Option('--home <dir>', 'CATALINA_HOME').default(null, 'found by itself'))
    .option('--yes', 'do not ask', false)
    .option('--dry-run', 'show the change and make none', false)
}

export function onlyOption(): Option {
  return new Option('--only <nodes>', 'only these nodes, separated by commas')
    .argParser(parseList)
    .default(null, 'all nodes')
}

export function waitOption(): Option {
  return new Option('--wait <duration>', 'how long to wait while another deploy holds the lock')
    .argParser(parseDuration)
    .default(0, '0s')
}

function parseList(text: string): string[] {
  const items = text.split(',').map((item) => item.trim())
  if (items.some((item) => item === ''))
    throw new InvalidArgumentError('Name nodes separated by commas, for example web-1,web-2.')
  return items
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** `250ms`, `30s`, `5m`, `1h` in milliseconds. */
function parseDuration(text: string): number {
  const match = /^(\d{1,9})(ms|s|m|h)$/.exec(text)
  if (match === null) throw new InvalidArgumentError('Write a duration such as 250ms, 30s, 5m or 1h.')
  return Number(match[1]) * unitMs[match[2]!]!
}
