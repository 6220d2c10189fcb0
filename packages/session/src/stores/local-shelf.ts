/** Bytes under names, which are in the order of their UTF-8: in memory, or in LMDB. */
export interface Shelf {
  /** While it is being opened; nothing else may be called until then. Rejects if it cannot be opened. */
  readonly opening: Promise<void> | undefined
  /** What is read from here on has all that any process had committed by now. */
  refresh(): void
  /** The bytes are the caller's own. */
  get(name: string): Buffer | undefined
  /**
   * The same, shared by all who ask, and never to be altered: the very same object as last time, where nothing has changed.
   * Not within a write.
   */
  view(name: string): Buffer | undefined
  /** What lies between `after` and `before`, both excluded. */
  range(after: string, before: string, limit: number): Iterable<{ readonly key: string; readonly value: Buffer }>
  /**
   * Runs `action`, which alone may put and remove, while nobody else writes, in this process or another. Resolves once
   * all of it is committed. An action that throws must not have put or removed anything before.
   */
  write<T>(action: () => T): Promise<T>
  put(name: string, bytes: Buffer): void
  remove(name: string): void
  /** Nothing may grow any more; what shrinks or stays may be put. */
  isFull(): boolean
  close(): Promise<void>
}
