import { defineConfig } from 'vitest/config'

/** Stories that mostly wait, for a lease, a process or a command to end: two at a time do not disturb each other. */
const patient = [
  'e2e/commands/**/*.test.ts',
  'e2e/crashes/{deploy-killed,killed-again-and-again,resume-and-abort}.test.ts',
  'e2e/locks/**/*.test.ts',
  'e2e/releases/**/*.test.ts',
  'e2e/balancers/{away,check,outdated}.test.ts',
]

export default defineConfig({
  test: {
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
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'stories',
          include: ['e2e/**/*.test.ts'],
          exclude: patient,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Afterwards and one at a time: each has the machine, and its traffic, to itself.
          sequence: { groupOrder: 2 },
          maxWorkers: 1,
          fileParallelism: false,
        },
      },
    ],
  },
})
