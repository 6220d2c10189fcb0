import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { planTomcatInstall, type TomcatInstallOptions } from '../../src/tomcat-install/tomcat-install.ts'

export const tomcatHome = '/usr/share/tomcat10'

/** A CATALINA_BASE with Debian's own configuration; jars of ours that hold nothing, unless `jarFolder` names real ones. */
export async function makeBase(folder: string): Promise<string> {
  const base = join(folder, 'base')
  await cp(join(tomcatHome, 'etc'), join(base, 'conf'), { recursive: true })
  for (const name of ['lib', 'webapps', 'logs', 'temp', 'work']) await mkdir(join(base, name))
  await mkdir(join(folder, 'jars'), { recursive: true })
  await writeFile(join(folder, 'jars', 'tomcat-session-0.1.0.jar'), 'jakarta')
  await writeFile(join(folder, 'jars', 'tomcat-session-0.1.0-javax.jar'), 'javax')
  return base
}

export function planInstall(base: string, options: Partial<TomcatInstallOptions> = {}) {
  return planTomcatInstall({
    dir: base,
    home: tomcatHome,
    env: {},
    idleMs: 4_000,
    store: 'redis://localhost:6379',
    namespace: undefined,
    jarFolder: join(base, '..', 'jars'),
    ...options,
  })
}
