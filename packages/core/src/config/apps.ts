import type { Draft } from './draft.ts'
import { appDriverOf, type AppDriver as Driver, misplaced } from './driver-fields.ts'
import type { Finding } from './finding.ts'
import { mistake } from './reading.ts'
import { fieldsOfDriver } from './schema.ts'

/** Fields that a node's driver needs and does not have, and fields that no driver reads. */
export function appFindings(draft: Draft): Finding[] {
  const findings = new Map<string, Finding>()
  const add = (finding: Finding) => findings.set(finding.path.join('.'), finding)
  const drivers = new Map(draft.nodes.map(({ id }) => [id, driverOf(draft, id)]))

  for (const [id, driver] of drivers) {
    for (const name of driver ? fieldsOfDriver.app[driver].needed : []) {
      if (draft.has(['app', name]) || draft.has(['nodes', id, name])) continue
      const path = draft.has(['nodes', id, 'driver']) ? ['nodes', id, name] : ['app', name]
      add({
        ...mistake(`missing, and the driver ${driver} needs it`, remedies[name]),
        path,
        at: 'value',
        ofWhole: true,
      })
    }
    const misfit = (name: string) => driver !== undefined && isMisfit(name, [driver])
    for (const name of draft.keys(['nodes', id]).filter(misfit)) {
      add({ ...misplaced(appDriverOf(name)!), path: ['nodes', id, name], at: 'key', ofWhole: false })
    }
  }
  const used = [...drivers.values()].filter((each) => each !== undefined)
  if (used.length === drivers.size) {
    for (const name of draft.keys(['app']).filter((each) => isMisfit(each, used))) {
      add({ ...misplaced(appDriverOf(name)!), path: ['app', name], at: 'key', ofWhole: true })
    }
  }
  return [...findings.values()]
}

const remedies = {
  command: 'write how the app is started, such as command: node server.js',
  home: 'write where Tomcat is installed, such as home: /usr/share/tomcat10',
  stop: 'write how a node is stopped, such as stop: systemctl stop shop@{port}',
  start: 'write how a node is started, such as start: systemctl start shop@{port}',
} as const

/** Undefined where the driver is not known, which is a mistake of its own. */
export function driverOf(draft: Draft, id: string): Driver | undefined {
  const written = draft.has(['nodes', id, 'driver'])
  return written ? draft.nodes.find((node) => node.id === id)?.driver : draft.app.driver
}

function isMisfit(name: string, drivers: readonly Driver[]): boolean {
  const owner = appDriverOf(name)
  return owner !== undefined && !drivers.includes(owner)
}
