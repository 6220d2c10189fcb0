import { describe } from 'vitest'
import { describeDrains } from './describe-drains.ts'

describe('haproxy', () => describeDrains({ balancer: 'haproxy', closesLongLived: false, streamsUploads: true }))
