import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TempDir, tempDir } from '@baton/testkit'
import { expect, onTestFinished } from 'vitest'
import { allServing, nodesOf } from '../crashes/nodes.ts'
import { shopWar, type TomcatRig } from './rig.ts'

/** Deploys a WAR that Tomcat cannot deploy, under traffic. Fails unless every node runs what it ran before, and nobody noticed. */
export async function putBackBrokenWar(site: TomcatRig): Promise<void> {
  const { release } = await site.status()
  const dir = await tempDir()
  onTestFinished(dir.remove)
  const traffic = await site.traffic()
  const { exitCode, stdout, stderr } = await site.run('deploy', await brokenWar(dir), '--release', 'broken')
  const verdict = await traffic.stop()
  expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' })
  expect(stdout).toContain('shop.Missing')
  expect(verdict.problems).toEqual([])
  expect(verdict).toMatchObject({ failed: 0, lost: 0, doubled: 0, logouts: 0, wrongCarts: 0 })
  expect(await nodesOf(site)).toEqual(allServing(site, release!))
}

/** Its web.xml names a listener that is not in it. */
async function brokenWar({ path }: TempDir): Promise<string> {
  const war = join(path, 'shop.war')
  await copyFile(shopWar('v2'), war)
  await mkdir(join(path, 'WEB-INF'))
  await writeFile(
    join(path, 'WEB-INF/web.xml'),
    '<web-app><listener><listener-class>shop.Missing</listener-class></listener></web-app>',
  )
  const { status, stderr } = spawnSync('jar', ['--update', '--file', war, '-C', path, 'WEB-INF/web.xml'])
  expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: '' })
  return war
}
