import { repository, runCli } from '@baton/testkit'
import { expect, test } from 'vitest'

const common = ['--config <file>', '--json', '-h, --help']
const roll = [...common, '--only <nodes>', '--timeout <duration>', '--wait <duration>']
const verbs: Readonly<Record<string, readonly string[]>> = {
  init: [...common, '--force'],
  check: common,
  up: common,
  plan: [...common, '--release <id>', '--only <nodes>', '[source]'],
  deploy: [...roll, '--release <id>', '[source]'],
  status: common,
  drain: [...common, '--force', '--wait <duration>', '<node>'],
  join: [...common, '--force', '--wait <duration>', '<node>'],
  rollback: [...roll, '[release]'],
  resume: roll,
  abort: roll,
  history: common,
  report: [...common, '<deploy>'],
}

test('baton --help names every verb and the exit codes', async () => {
  const { exitCode, stdout, stderr } = await runCli(['--help'], { cwd: repository })
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  for (const verb of Object.keys(verbs)) expect(stdout).toMatch(new RegExp(`^  ${verb} `, 'm'))
  for (const code of [0, 1, 2, 3, 4, 130]) expect(stdout).toMatch(new RegExp(`\\b${code} [a-z]`))
})

test.each(Object.entries(verbs))('baton %s --help names its options', async (verb, options) => {
  const { exitCode, stdout, stderr } = await runCli([verb, '--help'], { cwd: repository })
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout).toContain(`Usage: baton ${verb} [options]`)
  for (const option of options) expect(stdout).toContain(option)
})
