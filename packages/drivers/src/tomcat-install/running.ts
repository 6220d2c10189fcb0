import { readdir, readFile, realpath } from 'node:fs/promises'

/** The process of the Tomcat of a CATALINA_BASE. null: none runs, or the system does not tell (elsewhere than on Linux). */
export async function tomcatProcess(base: string): Promise<number | null> {
  const wanted = await realpath(base)
  const pids = (await readdir('/proc').catch((): string[] => [])).filter((name) => /^\d+$/.test(name))
  for (const pid of pids) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    const option = command.split('\0').find((argument) => argument.startsWith('-Dcatalina.base='))
    if (option === undefined) continue
    const running = option.slice('-Dcatalina.base='.length)
    if ((await realpath(running).catch(() => running)) === wanted) return Number(pid)
  }
  return null
}
