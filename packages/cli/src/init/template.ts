import type { App } from './app.ts'

/** The commented example is the manual: every field, with its default, beside what it means. */
export function template({ name, source, command, env }: App): string {
  return `# yaml-language-server: $schema=./node_modules/baton/schema.json
# What Baton rolls out, and how. Times: 250ms, 30s, 5m, 1h. Sections and fields that keep their defaults may be left out;
# all below are at their defaults but name, source, command, env and nodes.

name: ${text(name)}

release:
  source: ${text(source)}   # what \`baton deploy\` rolls out: a folder, or a .zip, .tar.gz, .war or .jar
  keep: 5   # successful releases kept for rollback, the current one not counted

balancer:
  driver: embedded   # \`baton up\` runs it; nginx or haproxy: one of yours, see below
  listen: 127.0.0.1:8080   # where clients connect; 0.0.0.0:8080 for all of this machine's addresses
  # driver: nginx   # then \`baton balancer install\`; listen only if nginx has no server block yet
  # state: /var/lib/baton/${name}   # nginx's socket and state, where its workers may write
  # mode: reload   # only for an nginx without Lua
  # driver: haproxy   # then \`baton balancer config\` prints what haproxy.cfg needs; weights are 1 to 256
  # socket: /run/haproxy/admin.sock   # its runtime API, level admin

# How a node runs; any of these fields may be set on a single node as well.
app:
  driver: process   # \`baton up\` starts it; command: something else does (systemd, pm2, docker compose), see below
  # No shell: a list of words, or sh -c '…' where one is needed. It runs in the folder of the release, with HOST, PORT,
  # BATON_NODE and BATON_RELEASE set, and must listen on HOST and PORT.
  command: ${text(command)}
  env: ${environment(env)}   # for example { NODE_ENV: production }; the values are texts
  stopTimeout: 15s   # from SIGTERM to SIGKILL
  # driver: command
  # stop: systemctl stop ${name}@{port}   # {node}, {host}, {port}, {release} and {releaseDir} are filled in
  # start: systemctl start ${name}@{port}
  # activate: ./switch {releaseDir}   # makes the release the one that starts next
  # release: cat /srv/${name}/{node}/release   # prints the release that runs, so that it can be verified

# The order of the file is the order of the roll.
nodes:
  web-1: { address: 127.0.0.1:3001, weight: 10 }   # weight: its share of the requests, 1 to 1000
  web-2: { address: 127.0.0.1:3002, weight: 10 }

# When a node is healthy: asked before it joins, and while it bakes.
health:
  type: http   # tcp: connecting is enough
  path: /
  status: 200-399   # also 200, 2xx, or a list of these
  interval: 250ms
  timeout: 2s
  rise: 3   # good answers in a row
  fall: 3   # bad answers in a row
  deadline: 60s   # from the start of a node until it is healthy

rollout:
  batch: 1   # nodes out at once: a number, or a percentage
  minAvailable: 50%   # of the whole weight, what stays in and healthy; looked at again before each drain
  drainTimeout: 30s   # for requests in flight; over at once when none is left
  onDrainTimeout: abort   # or force: cut them
  # ramp: [10%, 50% for 30s, 100%]   # for nodes that start cold: shares of its weight at which a node joins
  bake: 5s   # watched after joining; leaving health here is a failure
  onFailure: rollback   # or halt: wait for \`baton resume\` or \`baton abort\`
  progressDeadline: 10m   # without a node done for so long, the deploy has failed

sessions:
  store: embedded   # in .baton/, for one machine; or redis://… or rediss://…. Nodes get it as BATON_SESSION_STORE
`
}

function environment(env: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(env).map(([name, value]) => `${name}: ${text(value)}`)
  return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`
}

/** As YAML: plain where that is safe, in double quotes (JSON's are YAML's) elsewhere. */
function text(value: string): string {
  const plain =
    /^[a-z./][\w./ -]*$/i.test(value) && !/^(true|false|null|\.inf|\.nan)$/i.test(value) && !value.endsWith(' ')
  return plain && !/^\.*\d/.test(value) ? value : JSON.stringify(value)
}
