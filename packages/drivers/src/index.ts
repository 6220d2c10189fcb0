export {}
export { type RollOptions, roll } from './roll/roll.ts'
export type { RollHealth, RollNode } from './roll/context.ts'
