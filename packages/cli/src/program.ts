import { Command, Option } from 'commander'
import { check } from './commands/check.ts'
import { deploy, plan } from './commands/deploy.ts'
import { history, report } from './commands/history.ts'
import { init } from './commands/init.ts'
import { abort, resume } from './commands/resume.ts'
import { rollback } from './commands/rollback.ts'
import { status } from './commands/status.ts'
import { drain, join } from './commands/traffic.ts'
import { up } from './commands/up.ts'
import { onlyOption, waitOption, withCommon, withRollFlags } from './options.ts'
import type { Terminal } from './terminal.ts'
import { versionOf } from './version.ts'

/** The command line: every verb, its words and its help. `done` is told the exit code of the verb that ran. */
export function createProgram(terminal: Terminal, done: (exitCode: number) => void): Command {
  const program = new Command('baton')
    .description(
      'Replaces the code behind a load balancer, node by node, while the users stay logged in and notice nothing.',
    )
    .version(versionOf())
    .showHelpAfterError('(see baton --help)')
    .showSuggestionAfterError()
    .addHelpText('after', exitCodesHelp)

  const verb = (signature: string, description: string) => program.command(signature).description(description)
  const runs = (work: Promise<number>) => work.then(done)

  withCommon(verb('init', 'write a commented baton.yaml for the app in this folder'))
    .option('--force', 'overwrite an existing one', false)
    .action((flags) => runs(init(flags, terminal)))
  withCommon(
    verb('check', 'validate the configuration, and that every host, server and tool it needs is there and able'),
  ).action((flags) => runs(check(flags, terminal)))
  withCommon(verb('up', 'run the embedded balancer and supervise the nodes, in the foreground')).action((flags) =>
    runs(up(flags, terminal)),
  )
  withCommon(verb('plan [source]', 'print what `deploy` would do, change nothing'))
    .addOption(releaseOption())
    .addOption(onlyOption())
    .action((source, flags) => runs(plan(source, flags, terminal)))
  withRollFlags(verb('deploy [source]', 'roll SOURCE (default release.source) over all nodes'))
    .addOption(releaseOption())
    .action((source, flags) => runs(deploy(source, flags, terminal)))
  withCommon(verb('status', 'nodes, states, in flight, releases, the deploy under way')).action((flags) =>
    runs(status(flags, terminal)),
  )
  withCommon(verb('drain <node>', 'take one node out of the balancer, and wait until nothing is in flight on it'))
    .option('--force', 'even below the floor of rollout.minAvailable', false)
    .addOption(waitOption())
    .action((node, flags) => runs(drain(node, flags, terminal)))
  withCommon(verb('join <node>', 'put a node back into the balancer, once it is healthy'))
    .option('--force', 'even if it is not healthy', false)
    .addOption(waitOption())
    .action((node, flags) => runs(join(node, flags, terminal)))
  withRollFlags(verb('rollback [release]', 'roll back to the last successful (or the named) release')).action(
    (release, flags) => runs(rollback(release, flags, terminal)),
  )
  withRollFlags(verb('resume', 'after a crash, an interruption or a halt: go on')).action((flags) =>
    runs(resume(flags, terminal)),
  )
  withRollFlags(verb('abort', 'after a crash, an interruption or a halt: put everything back as it was')).action(
    (flags) => runs(abort(flags, terminal)),
  )
  withCommon(verb('history', 'past deploys, the newest first')).action((flags) => runs(history(flags, terminal)))
  withCommon(verb('report <deploy>', 'one deploy, whole')).action((id, flags) => runs(report(id, flags, terminal)))
  return program
}

const exitCodesHelp = `
Exit codes: 0 done; 1 failed, and everything is back as it was; 2 the command line or the configuration is wrong;
3 halted, a person must decide (resume or abort); 4 another deploy holds the lock; 130 interrupted, can be resumed.`

function releaseOption(): Option {
  return new Option('--release <id>', "the release's id (default: time stamp and first hex digits of the SHA-256)")
}
