import { createLocalShell } from '../../src/shells/local/shell.ts'
import { describeShellContract } from './shell-contract.ts'

describeShellContract('local', () => createLocalShell({ killAfterMs: 300 }))
