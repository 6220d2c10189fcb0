import { BatonError } from '@baton/core'

export function archiveDamaged(archive: string, cause: unknown): BatonError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new BatonError('archive-damaged', `${archive} is damaged: ${reason}`, {
    hint: 'pack it again, or copy it again if it came over a network',
    cause,
  })
}
