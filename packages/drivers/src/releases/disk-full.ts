import { BatonError } from '@baton/core'

const codes = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** The error itself, or where it says that there was no room, `disk-full` with the way out. */
export function explainDiskFull(error: unknown, { writing, dir }: { writing: string; dir: string }): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (!codes.has(code)) return error
  return new BatonError('disk-full', `no room for ${writing} in ${dir} (${code}); what was written of it is removed`, {
    hint: `make room (df -h ${dir}), or lower release.keep in baton.yaml, then deploy again`,
    cause: error,
  })
}
