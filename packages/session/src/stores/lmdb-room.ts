import type { RootDatabase } from 'lmdb'

/**
 * Whether a store in LMDB has reached its size. Counted are the pages in use: the file never shrinks, and pages that
 * were freed are used again. A share is left free for what a transaction copies, and for gaps between large records.
 */
export function roomIn(db: Pick<RootDatabase, 'getStats'>, maxBytes: number): { isFull(): boolean } {
  const limit = maxBytes * usableShare
  let usedBytes = 0
  let lookedAt = Number.NEGATIVE_INFINITY

  return {
    isFull() {
      const now = performance.now()
      if (now - lookedAt >= lookEveryMs) {
        lookedAt = now
        usedBytes = bytesUsed(db)
      }
      return usedBytes >= limit
    },
  }
}

const usableShare = 0.8

/** A look takes some microseconds; too many sessions to matter cannot begin in between. */
const lookEveryMs = 5

function bytesUsed(db: Pick<RootDatabase, 'getStats'>): number {
  const stats = db.getStats() as Record<
    'pageSize' | 'treeBranchPageCount' | 'treeLeafPageCount' | 'overflowPages',
    number
  >
  return stats.pageSize * (stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages)
}
