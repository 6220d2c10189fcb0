import type { Draft } from './draft.ts'
import { misnamed } from './environment.ts'
import type { Finding } from './finding.ts'
import { mistake } from './reading.ts'
import { misnamedNode } from './text.ts'

/** Ids of nodes and names of environment variables: the keys that a user makes up. */
export function nameFindings(draft: Draft): Finding[] {
  const ids = draft.nodes.flatMap(({ id }) => {
    const wrong = misnamedNode(id)
    return wrong ? [{ ...wrong, path: ['nodes', id], at: 'key' as const, ofWhole: false }] : []
  })
  const environments = [['app', 'env'], ...draft.nodes.map(({ id }) => ['nodes', id, 'env'])]
  const variables = environments.flatMap((path) =>
    draft.keys(path).flatMap((name) => {
      const wrong = misnamed(name)
      return wrong ? [{ ...wrong, path: [...path, name], at: 'key' as const, ofWhole: false }] : []
    }),
  )
  return [...noNodes(draft), ...ids, ...variables]
}

function noNodes(draft: Draft): Finding[] {
  // Where `nodes` is missing or no mapping, its shape says so.
  if (draft.nodes.length > 0 || !draft.isMapping(['nodes'])) return []
  const wrong = mistake('names no node', 'write at least one, such as web-1: { address: 127.0.0.1:3001 }')
  return [{ ...wrong, path: ['nodes'], at: 'key', ofWhole: true }]
}
