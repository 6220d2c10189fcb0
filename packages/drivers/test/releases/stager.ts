import { createReleaseStore } from '../../src/releases/store.ts'

/** Stages a release in a process of its own, so that it can be killed. Arguments: the node's folder, the release as JSON. */
const [, , dir = '', release = ''] = process.argv
await createReleaseStore({ dir }).stage(JSON.parse(release), new AbortController().signal)
console.log('staged')
