import { describe } from 'vitest'
import { describeDrains } from './describe-drains.ts'

// nginx reads an upload whole before it asks for a node (proxy_request_buffering): no drain can cut it.
describe('nginx', () => describeDrains({ balancer: 'nginx', closesLongLived: false, streamsUploads: false }))
