import type { Finding } from '../../finding.ts'
import { type Line, parseSections, type Section } from './sections.ts'

export interface HaproxyLintOptions {
  /** Path of the configuration, for the places of findings. */
  readonly file: string
  readonly backend: string
  /** Path of the runtime API's socket. */
  readonly socket: string
  /** Where Baton keeps the state of the servers for HAProxy to load. */
  readonly serverStateFile: string
  readonly nodes: readonly { readonly id: string; readonly address: { readonly host: string; readonly port: number } }[]
  /** After so long the app closes an idle connection (5 s in Node.js); null where nobody knows. */
  readonly appKeepAliveMs: number | null
}

/** A configuration of HAProxy as the rules ask it. */
export interface HaproxySite {
  readonly options: HaproxyLintOptions
  readonly sections: readonly Section[]
  /** The lines of all global sections. */
  readonly global: readonly Line[]
  readonly globalLine: number
  /** `backend` or `listen` of the name. */
  readonly backend: Section | null
  where(at: { readonly line: number }): string
}

export interface HaproxyRule {
  readonly id: string
  check(site: HaproxySite): readonly Omit<Finding, 'rule'>[]
}

/** A rule about the backend: silent where there is none, since `backend-missing` says that. */
export function backendRule(
  id: string,
  check: (backend: Section, site: HaproxySite) => readonly Omit<Finding, 'rule'>[],
): HaproxyRule {
  return { id, check: (site) => (site.backend === null ? [] : check(site.backend, site)) }
}

export function readSite(text: string, options: HaproxyLintOptions): HaproxySite {
  const sections = parseSections(text, options.file)
  const global = sections.filter(({ kind }) => kind === 'global')
  return {
    options,
    sections,
    global: global.flatMap(({ lines }) => lines),
    globalLine: global[0]?.line ?? 1,
    backend:
      sections.find(({ kind, name }) => (kind === 'backend' || kind === 'listen') && name === options.backend) ?? null,
    where: ({ line }) => `${options.file}:${line}`,
  }
}
