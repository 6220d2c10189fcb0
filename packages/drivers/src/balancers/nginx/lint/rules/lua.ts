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
    check({ options, passes }) {
      if (options.mode !== 'dynamic') return []
      return passes.flatMap((pass) => {
        const [log] = inEffect(pass, 'log_by_lua_block', 'log_by_lua_file', 'log_by_lua')
        if (log === undefined || /\bbaton\.log\b/.test(log.lua ?? log.args.join(' '))) return []
        // What is in a file of Lua is not seen from here.
        const isFile = log.name === 'log_by_lua_file'
        const message =
          `${log.name} here takes the place of the one that Baton counts with${isFile ? ', unless its file begins with that' : ''}: ` +
          'requests in flight would never be counted down, and no drain would end'
        const remedy = `as the first line of its code: ${finishLine}`
        return [{ level: isFile ? 'warning' : 'problem', where: whereOf(log), message, remedy }]
      })
    },
  },
]

/** As in the file that Baton writes for all of its apps. */
const finishLine = 'local log = package.loaded["baton.log"] if log then log.finish() end'
