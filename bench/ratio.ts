import { median } from './results-file.ts'

/** What is to be reached, as a multiple of the other's requests a second. */
export interface Goal<Name extends string> {
  readonly of: Name
  readonly atLeast: number
  readonly than: Name
  readonly mix: 'read-only' | 'writes'
}

/** One contestant in one round: what ratios are made of. */
interface Measured {
  readonly contestant: string
  readonly round: number
  readonly requestsPerSecond: number
}

/** The median of the ratios of requests a second within each round; undefined where one of the two was not measured. */
export function ratio(
  measurements: readonly Measured[],
  { of, than }: { readonly of: string; readonly than: string },
): number | undefined {
  const ratios = measurements
    .filter(({ contestant }) => contestant === of)
    .flatMap(({ round, requestsPerSecond }) => {
      const other = measurements.find((each) => each.contestant === than && each.round === round)
      return other === undefined ? [] : [requestsPerSecond / other.requestsPerSecond]
    })
  return ratios.length === 0 ? undefined : median(ratios)
}

export function ratioText(value: number | undefined): string {
  return value === undefined ? '-' : `${value.toFixed(2)} ×`
}
