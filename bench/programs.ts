import { execFileSync, spawnSync } from 'node:child_process'
import { findServer, installCommand, type ServerName } from '@baton/testkit'

/** Absolute path of a program that a bench cannot do without. */
export function needProgram(name: ServerName): string {
  const program = findServer(name)
  if (program === null) throw new Error(`the bench needs ${name}: ${installCommand(name)}`)
  return program
}

export function nginxVersion(program: string): string {
  // It tells its version on standard error.
  return /nginx\/(\S+)/.exec(spawnSync(program, ['-v'], { encoding: 'utf8' }).stderr)?.[1] ?? ''
}

export function haproxyVersion(program: string): string {
  return /version (\S+?)[-+ ]/.exec(execFileSync(program, ['-v'], { encoding: 'utf8' }))?.[1] ?? ''
}
