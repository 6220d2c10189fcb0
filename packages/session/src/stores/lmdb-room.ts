import type { RootDatabase } from 'lmdb'

/**
 * Whether a store in LMDB has reached its size. Counted are the pages in use: the file never shrinks, and pages that
 * were freed are used again. A share is left free for what a transaction copies, and for gaps between large records.
 * LMDB's own limit would not do: this binding raises it as needed, and a store that has hit it can no longer delete.
 */
export function isFull(db: Pick<RootDatabase, 'getStats'>, maxBytes: number): boolean {
  const stats = db.getStats() as Record<PageStat, number>
  const pages = stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages
  return pages * stats.pageSize >= maxBytes * usableShare
}

type PageStat = 'pageSize' | 'treeBranchPageCount' | 'treeLeafPageCount' | 'overflowPages'

const usableShare = 0.8
