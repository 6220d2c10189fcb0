import { describe } from 'vitest'
import { describeDrains } from './describe-drains.ts'

describe('embedded', () => describeDrains({ balancer: 'embedded', closesLongLived: true, streamsUploads: true }))
