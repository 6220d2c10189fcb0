import type { Finding } from '../../finding.ts'

/**
 * The folder of nginx' admin socket. nginx makes its unix sockets for everybody (0666, ngx_connection.c), so that only
 * the folder's permissions keep others out. `mode` as in fs.Stats; the low nine bits are looked at.
 */
export function lintAdminFolder(path: string, stats: { readonly mode: number }): Finding[] {
  const permissions = stats.mode & 0o777
  if ((permissions & 0o077) === 0) return []
  const message =
    `the folder of the admin socket has mode ${permissions.toString(8).padStart(4, '0')}: others than its owner can reach the ` +
    'socket, take nodes out of the balancer or put them back'
  return [{ rule: 'admin-folder-open', level: 'problem', where: path, message, remedy: `chmod 700 ${path}` }]
}
