-- The nodes as GET /v1/nodes has them.
local inflight = require 'baton.inflight'
local json = require 'baton.json'
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

-- A drain asks for all nodes every 25 ms, and few of 1,000 have changed: their text is kept.
local function text_of(node, count)
  local kept = node.viewed
  if kept and kept.count == count and kept.out == node.out and kept.weight == node.weight
    and kept.doubted_until == node.doubted_until then return kept.text end
  local text = json.encode(view_of(node, count))
  node.viewed = { count = count, out = node.out, weight = node.weight, doubted_until = node.doubted_until, text = text }
  return text
end

-- The same as JSON.
function view.nodes_text(app)
  state.sync(app)
  local sums = inflight.sums(app)
  local texts = {}
  for i, node in ipairs(app.nodes) do texts[i] = text_of(node, sums[node.id]) end
  return '[' .. table.concat(texts, ',') .. ']'
end

function view.node(app, node)
  state.sync(app)
  return view_of(node, inflight.sums(app)[node.id])
end

return view
