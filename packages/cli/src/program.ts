import { Command, Option } from 'commander'
import { onlyOption, waitOption, withCommon, withRollFlags, withTomcatFlags } from './options.ts'
import type { Terminal } from './terminal.ts'
import { versionOf } from './version.ts'

// A verb's parts are loaded when it is called: each call of `baton` is a process that somebody waits for.
const load = {
  balancer: () => import('./commands/balancer.ts'),
  check: () => import('./commands/check.ts'),
  deploy: () => import('./commands/deploy.ts'),
  history: () => import('./commands/history.ts'),
  init: () => import('./commands/init.ts'),
  resume: () => import('./commands/resume.ts'),
  rollback: () => import('./commands/rollback.ts'),
  status: () => import('./commands/status.ts'),
  tomcat: () => import('./commands/tomcat.ts'),
  traffic: () => import('./commands/traffic.ts'),
  up: () => import('./commands/up.ts'),
}

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
    .action((flags) => runs(load.init().then(({ init }) => init(flags, terminal))))
  withCommon(
    verb('check', 'validate the configuration, and that every host, server and tool it needs is there and able'),
  ).action((flags) => runs(load.check().then(({ check }) => check(flags, terminal))))
  withCommon(verb('up', 'supervise the nodes and run the embedded balancer, in the foreground')).action((flags) =>
    runs(load.up().then(({ up }) => up(flags, terminal))),
  )
  const balancer = program.command('balancer').description('what nginx or HAProxy has to be configured with')
  withCommon(balancer.command('config').description('print it, change nothing')).action((flags) =>
    runs(load.balancer().then(({ printConfig }) => printConfig(flags, terminal))),
  )
  withCommon(
    balancer.command('install').description('bring it into the running nginx: written, tested, applied, proved'),
  ).action((flags) => runs(load.balancer().then(({ install }) => install(flags, terminal))))
  const tomcat = program
    .command('tomcat')
    .description('shared sessions for an existing Tomcat, which a node of driver command runs')
  withTomcatFlags(
    tomcat.command('install <dir>').description('put jar and lines into the CATALINA_BASE dir; shows the change first'),
  )
    .addOption(new Option('--store <url>', 'the Redis of the sessions').default(null, 'sessions.store'))
    .addOption(
      new Option('--namespace <name>', 'keeps applications apart in one store').default(null, 'sessions.namespace'),
    )
    .action((dir, flags) => runs(load.tomcat().then(({ install }) => install(dir, flags, terminal))))
  withTomcatFlags(tomcat.command('uninstall <dir>').description('take them out again')).action((dir, flags) =>
    runs(load.tomcat().then(({ uninstall }) => uninstall(dir, flags, terminal))),
  )
  withCommon(verb('plan [source]', 'print what `deploy` would do, change nothing'))
    .addOption(releaseOption())
    .addOption(onlyOption())
    .action((source, flags) => runs(load.deploy().then(({ plan }) => plan(source, flags, terminal))))
  withRollFlags(verb('deploy [source]', 'roll SOURCE (default release.source) over all nodes'))
    .addOption(releaseOption())
    .action((source, flags) => runs(load.deploy().then(({ deploy }) => deploy(source, flags, terminal))))
  withCommon(verb('status', 'nodes, states, in flight, releases, the deploy under way')).action((flags) =>
    runs(load.status().then(({ status }) => status(flags, terminal))),
  )
  withCommon(verb('drain <node>', 'take one node out of the balancer, and wait until nothing is in flight on it'))
    .option('--force', 'even below the floor of rollout.minAvailable', false)
    .addOption(waitOption())
    .action((node, flags) => runs(load.traffic().then(({ drain }) => drain(node, flags, terminal))))
  withCommon(verb('join <node>', 'put a node back into the balancer, once it is healthy'))
    .option('--force', 'even if it is not healthy', false)
    .addOption(waitOption())
    .action((node, flags) => runs(load.traffic().then(({ join }) => join(node, flags, terminal))))
  withRollFlags(verb('rollback [release]', 'roll back to the last successful (or the named) release')).action(
    (release, flags) => runs(load.rollback().then(({ rollback }) => rollback(release, flags, terminal))),
  )
  withRollFlags(verb('resume', 'after a crash, an interruption or a halt: go on')).action((flags) =>
    runs(load.resume().then(({ resume }) => resume(flags, terminal))),
  )
  withRollFlags(verb('abort', 'after a crash, an interruption or a halt: put everything back as it was')).action(
    (flags) => runs(load.resume().then(({ abort }) => abort(flags, terminal))),
  )
  withCommon(verb('history', 'past deploys, the newest first')).action((flags) =>
    runs(load.history().then(({ history }) => history(flags, terminal))),
  )
  withCommon(verb('report <deploy>', 'one deploy, whole')).action((id, flags) =>
    runs(load.history().then(({ report }) => report(id, flags, terminal))),
  )
  return program
}

const exitCodesHelp = `
Exit codes: 0 done; 1 failed, and everything is back as it was; 2 the command line or the configuration is wrong;
3 halted, a person must decide (resume or abort); 4 another deploy holds the lock; 130 interrupted, can be resumed.`

function releaseOption(): Option {
  return new Option('--release <id>', "the release's id (default: time stamp and first hex digits of the SHA-256)")
}
