-- The nodes as GET /v1/nodes has them.
local inflight = require 'baton.inflight'
local state = require 'baton.state'

local view = {}

local function state_of(node, count)
  if node.out then return count > 0 and 'draining' or 'drained' end
  return node.doubted_until and 'down' or 'serving'
end

local function view_of(node, count)
  return {
    id = node.id,
    address = node.address,
    state = state_of(node, count),
    admin = node.out and 'out' or 'in',
    weight = node.weight,
    healthy = node.doubted_until == nil,
    inflight = count,
    -- nginx tells what a connection became only at its end.
    longLived = 0,
  }
end

-- First the state, then the counts: a node that is out gets nothing new in between.
function view.nodes(app)
  state.sync(app)
  local sums = inflight.sums(app)
  local nodes = {}
  for i, node in ipairs(app.nodes) do nodes[i] = view_of(node, sums[node.id]) end
  return nodes
end

function view.node(app, node)
  state.sync(app)
  return view_of(node, inflight.sums(app)[node.id])
end

return view
