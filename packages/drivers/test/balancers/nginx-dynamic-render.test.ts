import { expect, test } from 'vitest'
import { type DynamicOptions, isOutdatedFile, renderDynamic } from '../../src/balancers/nginx/dynamic/render.ts'

const options: DynamicOptions = {
  name: 'my-shop',
  token: 'cafe',
  nodes: [{ id: 'web-1', host: '127.0.0.1', port: 3001, weight: 10 }],
  listen: null,
  stateDir: '/var/lib/baton/my-shop',
  luaDir: '/etc/nginx/conf.d/baton',
}

test('the configuration names an upstream, a dictionary and an admin server, and nothing that may stand only once', () => {
  const { conf } = renderDynamic(options)
  expect(conf).toContain('upstream my-shop {')
  expect(conf).toContain('lua_shared_dict baton_my-shop 2m;')
  expect(conf).toContain("listen 'unix:/var/lib/baton/my-shop/listen.sock';")
  expect(conf).not.toMatch(/lua_package_path|init_by_lua|init_worker_by_lua|log_by_lua|listen \d/)
  expect(renderDynamic({ ...options, listen: { host: '127.0.0.1', port: 8080 } }).conf).toContain(
    'listen 127.0.0.1:8080;',
  )
})

test('what is shared between apps, and the Lua files, come beside it; each generation has its own file of nodes', () => {
  const paths = renderDynamic(options).files.map(({ path }) => path)
  expect(paths).toEqual(
    expect.arrayContaining([
      '/etc/nginx/conf.d/baton.conf',
      '/etc/nginx/conf.d/baton/baton/balance.lua',
      '/etc/nginx/conf.d/baton/my-shop.cafe.lua',
    ]),
  )
  expect(isOutdatedFile('my-shop.beef.lua', options)).toBe(true)
  for (const kept of ['my-shop.cafe.lua', 'shop.beef.lua', 'baton', 'my-shop.conf']) {
    expect(isOutdatedFile(kept, options), kept).toBe(false)
  }
})

test('texts of the configuration stay texts in Lua', () => {
  const nodes = [{ id: 'a"]b\\c\nd', host: '::1', port: 1, weight: 1 }]
  expect(renderDynamic({ ...options, nodes }).files.at(-1)?.text).toContain(
    '{ id = "a\\034]b\\092c\\010d", host = "::1", port = 1, weight = 1 },',
  )
})

test('a node with a name for an address is refused, with what to do', () => {
  const nodes = [{ id: 'web-1', host: 'app.internal', port: 1, weight: 1 }]
  const refused = { code: 'address-not-ip', hint: expect.stringContaining('reload') }
  expect(() => renderDynamic({ ...options, nodes })).toThrow(expect.objectContaining(refused))
})
