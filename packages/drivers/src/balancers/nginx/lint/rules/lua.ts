import { luaPackages } from '../lua-packages.ts'
import { inEffect, type NginxRule, whereOf } from '../site.ts'

/** What the dynamic mode needs. */
export const luaRules: readonly NginxRule[] = [
  {
    id: 'lua-module-missing',
    check({ options, directives, all, mainFile }) {
      const isLoaded = directives.some(
        ({ name, args }) => name === 'load_module' && args[0]?.endsWith('ngx_http_lua_module.so'),
      )
      // An nginx that accepts a directive of the module has it, however it was built.
      const isKnown = isLoaded || all.some(({ name }) => /^lua_|_by_lua/.test(name))
      if (options.mode !== 'dynamic' || options.build?.isOpenResty || isKnown) return []
      const message = 'this nginx has no Lua module loaded: the dynamic mode cannot start, and no deploy can begin'
      const remedy = `${luaPackages()}, or balancer.mode: reload in baton.yaml`
      return [{ level: 'problem', where: `${mainFile}:1`, message, remedy }]
    },
  },
  {
    id: 'lua-code-cache-off',
    check({ options, all }) {
      if (options.mode !== 'dynamic') return []
      return all
        .filter(({ name, args }) => name === 'lua_code_cache' && args[0] === 'off')
        .map((setting) => ({
          level: 'problem',
          where: whereOf(setting),
          message:
            'with lua_code_cache off every request starts a Lua of its own, which knows nothing of the requests in flight: nodes ' +
            'are reported drained that are not, and nginx is slow',
          remedy: 'lua_code_cache on;',
        }))
    },
  },
  {
    id: 'log-phase-taken',
    check({ options, passes, pool }) {
      if (options.mode !== 'dynamic') return []
      return passes.flatMap((pass) => {
        const [log] = inEffect(pass, 'log_by_lua_block', 'log_by_lua_file', 'log_by_lua')
        // Baton's own stands in the file of its upstream; one that calls Baton's is as good.
        const isOurs = log === undefined || log.file === pool?.file || /\bbaton\b/.test(log.lua ?? log.args.join(' '))
        if (isOurs) return []
        const message =
          `${log.name} here takes the place of the one that Baton counts with: requests in flight would never be counted down, ` +
          'and no drain would end'
        const remedy = `move the code to another phase, or end it with what log_by_lua_block has in baton-${options.name}.conf`
        return [{ level: 'problem', where: whereOf(log), message, remedy }]
      })
    },
  },
]
