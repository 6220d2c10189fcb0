-- The balancer phase: chooses a node for a request, once more where a try has failed.
local balancer = require 'ngx.balancer'
local health = require 'baton.health'
local inflight = require 'baton.inflight'
local leases = require 'baton.leases'
local metrics = require 'baton.metrics'
local schedule = require 'baton.schedule'
local state = require 'baton.state'

local balance = {}

local get_last_failure, set_more_tries = balancer.get_last_failure, balancer.set_more_tries
local set_current_peer = balancer.set_current_peer
local is_internal = ngx.req.is_internal

-- nginx takes no status from this phase, but this one (NGX_BUSY) for "no live upstreams": it answers 502 and says so in
-- its log, and an error_page of the user's applies.
local NO_NODE = -3
local SAFE = { GET = true, HEAD = true, OPTIONS = true, TRACE = true }

local function give_up()
  return ngx.exit(NO_NODE)
end

local lend_again

-- Counted first, then looked at once more: whoever changes the state and then reads the counts misses nothing.
-- No loop, and no closure: LuaJIT compiles the way of a request only without them.
local function lend(app, choose, avoided)
  local node = choose(app, avoided)
  if node then inflight.take(node) end
  if app.dict:get('version') == app.version then return node end
  return lend_again(app, node, choose, avoided)
end

function lend_again(app, outdated, choose, avoided)
  if outdated then inflight.give(outdated) end
  state.sync(app)
  return lend(app, choose, avoided)
end

local has_complained = false

-- Another request stands where this one was in memory, and nobody has heard of its end.
local function complain()
  if has_complained then return end
  has_complained = true
  ngx.log(ngx.ERR, 'baton: a request ended without the log phase of Baton, so that what is in flight cannot be told: ',
    'a log_by_lua of your own has to begin with the line of baton.conf')
end

local function send(app, address, node, now)
  leases.begin(address, node, now)
  local ok, err = set_current_peer(node.host, node.port)
  if ok then return end
  ngx.log(ngx.ERR, 'baton: ', app.config.name, ': cannot use ', node.address, ': ', err)
  return give_up()
end

-- Of the try that has failed; the one at hand stands behind it, still without an address. Anything else than a number
-- counts as sent.
local function was_sent()
  return (ngx.var.upstream_bytes_sent or ''):match('(%d+) : $') ~= '0'
end

local function is_repeatable(status)
  local var = ngx.var
  if status ~= 502 or not SAFE[var.request_method] then return false end
  return (var.http_content_length or '0') == '0' and var.http_transfer_encoding == nil
end

local function same(_, node)
  return not node.out and node or nil
end

local function other_or_same(app, node)
  return schedule.next_but(app, node) or same(app, node)
end

-- How a request goes on; nil where it does not. To another node only where not a byte had left for the first: nobody
-- can have processed it. One that may be repeated goes to the same node once more: its connection may have been closed
-- just as it was used again. This holds whatever the user has in proxy_next_upstream.
local function way_on(sent, status)
  if sent then return is_repeatable(status) and same or nil end
  -- The only node, too, may have closed an idle connection, or refused one; it has cost no time to find out.
  return status == 502 and other_or_same or schedule.next_but
end

local function retry(app, address, failed, now)
  local _, status = get_last_failure()
  local is_first = leases.tried[address] == nil
  local sent = was_sent()
  local choose = way_on(sent, status)
  inflight.give(failed)
  leases.drop(address)
  if not sent then health.refused(failed) end
  local node = is_first and choose and lend(app, choose, failed)
  metrics.failed(failed, node and true)
  if not node then return give_up() end
  leases.tried[address] = failed
  return send(app, address, node, now)
end

function balance.run(app)
  local now = ngx.now()
  if now >= app.recheck_at then state.sync(app) end
  local address = leases.address()
  local held = leases.node[address]
  if held then
    if get_last_failure() then return retry(app, address, held, now) end
    -- An internal redirect (error_page, X-Accel-Redirect) begins anew: the first answer was not for the client.
    if not is_internal() then complain() end
    inflight.give(held)
    leases.drop(address)
  end
  local node = lend(app, schedule.next)
  if not node then return give_up() end
  set_more_tries(1)
  return send(app, address, node, now)
end

return balance
