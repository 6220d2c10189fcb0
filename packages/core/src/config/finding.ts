import type { Mistake } from './reading.ts'

/** The keys that lead to a value, from the root of the file. */
export type Path = readonly string[]

/** A mistake and the value that has it, which may be one that is not there. */
export interface Finding extends Mistake {
  readonly path: Path
  /** What to point at: the key of what should not be there, the value of all else. */
  readonly at: 'key' | 'value'
  /** It can be told only of a file that was read whole: something is missing, or several values do not fit together. */
  readonly ofWhole: boolean
  /** What an unknown key was taken for. */
  readonly meant?: Path
}
