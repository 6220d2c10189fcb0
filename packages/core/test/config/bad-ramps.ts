import { type BadConfiguration, sound } from './sound.ts'

function ramp(list: string): string {
  return `${sound}rollout: { ramp: ${list} }\n`
}

export const badRamps: readonly BadConfiguration[] = [
  {
    name: 'a ramp that is no list',
    yaml: ramp('10%'),
    problems: [['rollout.ramp', 6, 'must be a list, not a text', '[10%, 50%, 100%]']],
  },
  {
    name: 'steps that are no shares',
    yaml: ramp('[0%, 5, half, 7.5%, null, 150%]'),
    problems: [
      ['rollout.ramp.0', 6, 'must be a share of the weight, not "0%"', '1% to 100%'],
      ['rollout.ramp.1', 6, 'must be a share of the weight, not 5', '10% for 30s'],
      ['rollout.ramp.2', 6, 'must be a share of the weight, not "half"', '10% for 30s'],
      ['rollout.ramp.3', 6, 'must be a share of the weight, not "7.5%"', '10% for 30s'],
      ['rollout.ramp.4', 6, 'has no value', '10%'],
      ['rollout.ramp.5', 6, 'must be a share of the weight, not "150%"', '1% to 100%'],
    ],
  },
  {
    name: 'steps with times that are none',
    yaml: ramp('[10% for 30, 20% for 0s, 30% for 25h, 40% 5s, 100%]'),
    problems: [
      ['rollout.ramp.0', 6, 'must be a duration, not "30"', '30s'],
      ['rollout.ramp.1', 6, 'too short: 0s', '1ms or more'],
      ['rollout.ramp.2', 6, 'too long: 25h', '24h or less'],
      ['rollout.ramp.3', 6, 'must be a share of the weight, not "40% 5s"', '10% for 30s'],
    ],
  },
  {
    name: 'steps that go down, or stay',
    yaml: `${sound}rollout:\n  ramp:\n    - 10%\n    - 50%\n    - 50% for 5s\n    - 20%\n    - 100%\n`,
    problems: [
      ['rollout.ramp.2', 10, '50% after 50% is no step up', 'ascending order'],
      ['rollout.ramp.3', 11, '20% after 50% is no step up', 'ascending order'],
    ],
  },
  {
    name: 'a ramp that ends too early',
    yaml: ramp('[10%, 50%]'),
    problems: [['rollout.ramp.1', 6, 'ends the ramp at 50%', 'add 100% as the last step']],
  },
  {
    name: 'a time at the end of a ramp',
    yaml: ramp('[10%, 100% for 30s]'),
    problems: [['rollout.ramp.1', 6, '100% is where the ramp ends', 'rollout.bake']],
  },
  {
    name: 'a step that is no share, and an end too early',
    yaml: ramp('[ten, 50% for 1s]'),
    problems: [
      ['rollout.ramp.0', 6, 'must be a share of the weight', '10% for 30s'],
      ['rollout.ramp.1', 6, 'ends the ramp at 50%', 'add 100%'],
    ],
  },
  {
    name: 'a ramp that takes longer than progress may',
    yaml: ramp('[10% for 6m, 50% for 6m, 100%]'),
    problems: [['rollout.progressDeadline', 6, 'of 10m ends before rollout.ramp (12m) does', 'more than 12m']],
  },
]
