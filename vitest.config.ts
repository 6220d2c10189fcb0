import { relative } from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Stories that mostly wait, for a lease, a process or a command to end: beside others they do not disturb, nor are they
 * disturbed.
 */
const patient = [
  'e2e/commands/**/*.test.ts',
  'e2e/crashes/{killed-*,resume-and-abort}.test.ts',
  'e2e/drains/**/*.test.ts',
  'e2e/locks/**/*.test.ts',
  'e2e/releases/**/*.test.ts',
  'e2e/balancers/{away,check,outdated}.test.ts',
]

/**
 * What has to have the machine to itself: two JVMs that start again and again, beside which a session's 250 ms are over before
 * somebody had a core; and what may fail for a moment only, when an nginx is reloaded or loses a worker.
 */
const alone = ['e2e/tomcat/**/*.test.ts', 'e2e/balancers/{disturbed,reload-mode}.test.ts']

/** Half a minute and more: whoever begins with them does not wait for one of them alone at the end. The longest first. */
const longest = [
  'packages/core/test/simulation/simulation.test.ts',
  'packages/session/test/model-redis.test.ts',
  'packages/session/test/model-local.test.ts',
  'packages/drivers/test/balancers/shares.test.ts',
  'e2e/crashes/killed-and-resumed.test.ts',
  'e2e/crashes/killed-again-and-again.test.ts',
  'e2e/crashes/killed-and-aborted.test.ts',
  'e2e/locks/two-deploys.test.ts',
  'e2e/releases/broken-releases.test.ts',
  'e2e/commands/bad-command-lines.test.ts',
  'e2e/commands/unhappy-calls.test.ts',
  'e2e/drains/haproxy.test.ts',
  'e2e/drains/nginx.test.ts',
  'e2e/drains/embedded.test.ts',
  'e2e/releases/staging.test.ts',
  'e2e/rolls/two-nodes.test.ts',
  'e2e/crashes/processes-killed.test.ts',
  'e2e/rolls/five-nodes.test.ts',
]

/** A class because vitest asks for one; by itself it would begin with the files that have most bytes. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.sort((a, b) => groupOf(a) - groupOf(b) || this.#rankOf(a) - this.#rankOf(b))
  }

  #rankOf({ moduleId }: TestSpecification): number {
    const rank = longest.indexOf(relative(this.ctx.config.root, moduleId))
    return rank === -1 ? longest.length : rank
  }
}

function groupOf({ project }: TestSpecification): number {
  return project.config.sequence.groupOrder
}

export default defineConfig({
  test: {
    // Stories run `baton` as its users do: from the bundle.
    globalSetup: './scripts/bundle.mjs',
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'parts',
          include: ['packages/*/test/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 0 },
          // Two cores: more files at once only disturb each other.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'patient stories',
          include: patient,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
          // One more than cores: while one waits, another can go on.
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: 'stories',
          include: ['e2e/**/*.test.ts'],
          exclude: [...patient, ...alone],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // With much traffic, or an eye on short times: each has about a core for itself.
          sequence: { groupOrder: 2 },
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'stories alone',
          include: alone,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 3 },
          maxWorkers: 1,
        },
      },
    ],
  },
})
