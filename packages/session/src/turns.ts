/** Work on the same thing, one after the other, within this process. */
export interface Turns {
  take<T>(name: string, work: () => Promise<T>): Promise<T>
}

export function makeTurns(): Turns {
  const last = new Map<string, Promise<unknown>>()
  return {
    take(name, work) {
      const result = (last.get(name) ?? Promise.resolve()).then(work)
      const settled = result.then(forget, forget)
      last.set(name, settled)
      return result

      function forget(): void {
        if (last.get(name) === settled) last.delete(name)
      }
    },
  }
}
