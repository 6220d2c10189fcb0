/**
 * Gives `work` a signal that aborts together with `signal`, or with a TimeoutError after `deadlineMs`; once the work is
 * done nothing of it is left behind. In place of `AbortSignal.any` with a timeout among its sources, which Node holds so
 * weakly that after a garbage collection it never comes (nodejs/node#57736).
 */
export async function withDeadline<T>(
  { signal, deadlineMs }: { readonly signal: AbortSignal; readonly deadlineMs: number },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const limited = new AbortController()
  const follow = () => limited.abort(signal.reason)
  const timer = setTimeout(() => limited.abort(timeout(deadlineMs)), deadlineMs)
  signal.addEventListener('abort', follow)
  try {
    return await work(limited.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', follow)
  }
}

/** As that of AbortSignal.timeout. */
function timeout(deadlineMs: number): DOMException {
  return new DOMException(`not done within ${deadlineMs} ms`, 'TimeoutError')
}
