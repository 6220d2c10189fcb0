/** Runs `work` on every item, `width` at once; fails with the first error, after the work under way has ended. */
export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>, width = 16): Promise<void> {
  const queue = items.values()
  let failed = false
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      if (failed) return
      try {
        await work(item)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const results = await Promise.allSettled(Array.from({ length: Math.min(width, items.length) }, worker))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
