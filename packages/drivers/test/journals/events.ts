import type { BatonEvent } from '@baton/core'

export function eventOf(deploy: string, seq: number, reason = `step ${seq}: ä "quoted"\n`): BatonEvent {
  return { seq, at: new Date(Date.UTC(2026, 0, 1) + seq).toISOString(), deploy, type: 'deploy.waiting', reason }
}

export function eventsOf(deploy: string, count: number): BatonEvent[] {
  return Array.from({ length: count }, (_, index) => eventOf(deploy, index + 1))
}
