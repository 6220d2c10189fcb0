/**
 * What a session of the bench holds: who it is, a counter, and ten attributes of JSON as shops have them, of about `bytes`
 * bytes in all.
 *
 * @param {number} bytes
 * @returns {Record<string, unknown>}
 */
export function contentOf(bytes) {
  const lines = Math.max(1, Math.round((bytes - 200) / 10 / 42))
  const part = Array.from({ length: lines }, (_, i) => ({ sku: `article-${1000 + i}`, n: i % 9, eur: 9.5 + (i % 90) }))
  const parts = Array.from({ length: 10 }, (_, i) => [`part${i}`, part])
  return { user: { name: 'ann', since: 2019 }, visits: 0, ...Object.fromEntries(parts) }
}
