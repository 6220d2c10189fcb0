-- One app that Baton balances in this nginx, as one worker sees it. What workers share is in the app's dictionary:
--
--   version           goes up with every change of what follows; read by every request
--   state             JSON as in the state file: the newest token, and of each node admin, weight and configuredWeight
--   doubt:<node>      until when the node is passed over; refused:<node> connections in a row that it refused
--   generation        a random id that a restart of nginx changes and a reload does not
--   worker:<slot>     pid and start of a worker; slots how many there may be
--   inflight:<slot>:<node>, metrics:<slot>:<node>     what that worker has counted
local metrics = require 'baton.metrics'
-- Whatever is needed later is loaded now: an upgrade may replace the files under a running worker.
local admin = require 'baton.admin'
local balance = require 'baton.balance'
require 'baton.log'

local app = {}

local function node_of(owner, config)
  local is_ipv6 = config.host:find(':', 1, true) ~= nil
  return {
    app = owner,
    id = config.id,
    host = is_ipv6 and '[' .. config.host .. ']' or config.host,
    address = (is_ipv6 and '[' .. config.host .. ']' or config.host) .. ':' .. config.port,
    port = config.port,
    configured_weight = config.weight,
    weight = config.weight,
    out = false, -- told to stay out
    doubted_until = nil, -- passed over until then, after refused connections
    suspect = false, -- an answer would clear its record
    actual = 0, -- in flight through this worker
    published = 0, -- the same as the dictionary has it: never less
    unpublished = false, -- on the list of those to be brought down
    owed = 0, -- requests that it is short of its share
    counts = metrics.zero(),
    counted = false, -- has counts that the dictionary lacks
  }
end

-- `config`: { name, token, state_file, sockets = { listen, admin }, nodes = { { id, host, port, weight } } }.
function app.create(config)
  local dict = ngx.shared['baton_' .. config.name]
  local created = {
    config = config,
    dict = dict,
    nodes = {},
    by_id = {},
    to_publish = {},
    version = nil, -- of what this worker knows
    recheck_at = 0,
  }
  for i, node in ipairs(config.nodes) do
    created.nodes[i] = node_of(created, node)
    created.by_id[node.id] = created.nodes[i]
  end
  created.balance = function() return balance.run(created) end
  created.admin = function() return admin.serve(created) end
  return created
end

return app
