import type { Finding } from '../../finding.ts'
import type { NginxBuild } from '../process.ts'
import { addressKey, nodeKey } from './address.ts'
import type { Directive } from './directive.ts'
import { type NginxDump, parseDump } from './dump.ts'

export interface NginxLintOptions {
  /** Of the upstream: `http://<name>`. */
  readonly name: string
  readonly mode: 'dynamic' | 'reload'
  readonly nodes: readonly { readonly id: string; readonly address: { readonly host: string; readonly port: number } }[]
  /** The folder where `baton-<name>.conf` is written. */
  readonly include: string
  /** After so long the app closes an idle connection (5 s in Node.js); null where nobody knows. */
  readonly appKeepAliveMs: number | null
  /** null where it is not known: an old nginx without Lua is assumed. */
  readonly build: Pick<NginxBuild, 'version' | 'isOpenResty'> | null
}

/** An nginx configuration as the rules ask it. */
export interface NginxSite extends NginxDump {
  readonly options: NginxLintOptions
  /** Every directive, whatever block it stands in. */
  readonly all: readonly Directive[]
  /** `upstream <name>` in http. */
  readonly pool: Directive | null
  /** The proxy_pass and grpc_pass directives that lead to it. */
  readonly passes: readonly Directive[]
  /** Ids of the nodes by their addresses, as addressKey writes them. */
  readonly nodes: ReadonlyMap<string, string>
}

export interface NginxRule {
  readonly id: string
  check(site: NginxSite): readonly Omit<Finding, 'rule'>[]
}

export function readSite(dump: string, options: NginxLintOptions): NginxSite {
  const parsed = parseDump(dump)
  const all = flatten(parsed.directives)
  const isPool = ({ name, args, parent }: Directive) =>
    name === 'upstream' && parent?.name === 'http' && args[0]?.toLowerCase() === options.name.toLowerCase()
  return {
    ...parsed,
    options,
    all,
    pool: all.find(isPool) ?? null,
    passes: all.filter((each) => isInHttp(each) && passTarget(each)?.host === options.name.toLowerCase()),
    nodes: new Map(options.nodes.map(({ id, address }) => [nodeKey(address), id])),
  }
}

/** Where a request is passed on to: `host` as written (a port included), null for what only a request can tell. */
export function passTarget(directive: Directive): { host: string | null } | null {
  if (directive.name !== 'proxy_pass' && directive.name !== 'grpc_pass') return null
  const [url = ''] = directive.args
  // In a stream block, and with grpc_pass, there may be no scheme.
  const host = /^(?:(?:https?|grpcs?):\/\/)?([^/?#]*)/.exec(url)?.[1] ?? ''
  // `http://shop$request_uri`: what follows the name starts with a slash.
  const known = host.replace(/\$(?:\{(?:request_uri|uri|document_uri)\}|(?:request_uri|uri|document_uri)\b).*$/, '')
  return { host: known.includes('$') ? null : known.toLowerCase() }
}

/**
 * The directives of a name that hold for this one: those of its own block, or else of the nearest block around it that
 * has any. nginx inherits proxy_* as a whole, never line by line.
 */
export function inEffect(directive: Directive, ...names: readonly string[]): readonly Directive[] {
  for (let block = directive.parent; block !== null; block = block.parent) {
    const found = (block.block ?? []).filter(({ name }) => names.includes(name))
    if (found.length > 0) return found
  }
  return []
}

export function within(block: Directive | null, name: string): readonly Directive[] {
  return (block?.block ?? []).filter((directive) => directive.name === name)
}

/** The value of a `key=value` parameter. */
export function parameter(directive: Directive, key: string): string | null {
  const found = directive.args.find((arg) => arg.startsWith(`${key}=`))
  return found === undefined ? null : found.slice(key.length + 1)
}

export function whereOf(directive: Directive): string {
  return `${directive.file}:${directive.line}`
}

/** The nodes' ids among the servers of an upstream. */
export function nodesIn(site: NginxSite, upstream: Directive): string[] {
  const keys = within(upstream, 'server').map(({ args }) => addressKey(args[0] ?? '', 80))
  return keys.flatMap((key) => (key === null ? [] : (site.nodes.get(key) ?? [])))
}

/** And not in stream, whose upstreams are others. */
function isInHttp({ parent }: Directive): boolean {
  return parent !== null && (parent.name === 'http' || isInHttp(parent))
}

function flatten(directives: readonly Directive[]): Directive[] {
  return directives.flatMap((directive) => [directive, ...flatten(directive.block ?? [])])
}
