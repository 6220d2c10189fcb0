import { BatonError } from '@baton/core'
import { luaPackages } from './lint/lua-packages.ts'
import type { NginxBuild } from './process.ts'

/** What nginx's refusal of a configuration means for the one who wrote baton.yaml. Other errors come back as they are. */
export function explainRefusal(error: unknown, where: { readonly file: string; readonly build: NginxBuild }): unknown {
  if (!(error instanceof BatonError) || error.code !== 'nginx-config-invalid') return error
  const log = error.log ?? []
  const words = log.join('\n')
  if (/unknown directive "\w*lua\w*"/.test(words)) {
    return new BatonError('nginx-lua-missing', `this nginx (${where.build.version}) has no Lua module loaded`, {
      hint: `${luaPackages()}; nginx.conf has to load it. Or set balancer.mode: reload, with its limits`,
      log,
      cause: error,
    })
  }
  if (/resty[./]core/.test(words)) {
    return new BatonError('nginx-lua-missing', "nginx's Lua module does not find lua-resty-core", {
      hint: 'Debian, Ubuntu: apt-get install lua-resty-core; Alpine: apk add lua-resty-core',
      log,
      cause: error,
    })
  }
  const [, upstream] = /duplicate upstream "([^"]+)"/.exec(words) ?? []
  if (upstream !== undefined) {
    return new BatonError('nginx-config-invalid', error.message, {
      hint: `baton writes the upstream ${upstream} from now on: remove your own, and keep proxy_pass http://${upstream}`,
      log,
      cause: error,
    })
  }
  return error
}
