-- Requests in flight, by node. Each worker has a number of its own for each node in the dictionary, which is never less
-- than what it has in flight: raised before a request is sent, brought down a moment after its end (at once where the
-- node is out). So the next request to the same node mostly finds it high enough, and touches nothing that is shared.
local health = require 'baton.health'
local workers = require 'baton.workers'

local inflight = {}

local LATER_SECONDS = 0.01

local function publish(node)
  if node.published == node.actual then return end
  node.app.dict:incr(node.inflight_key, node.actual - node.published, 0)
  node.published = node.actual
end

function inflight.flush(app)
  local list = app.to_publish
  app.to_publish = {}
  for _, node in ipairs(list) do
    node.unpublished = false
    publish(node)
  end
end

local function on_time(_, app)
  app.flushes = nil
  inflight.flush(app)
  health.look(app)
end

local function flush_later(app)
  if app.flushes then return end
  -- A worker that is exiting gets no timer; one that it has, fires at once.
  app.flushes = ngx.timer.at(LATER_SECONDS, on_time, app)
  if not app.flushes then inflight.flush(app) end
end

function inflight.take(node)
  local actual = node.actual + 1
  node.actual = actual
  if actual > node.published then publish(node) end
end

function inflight.give(node)
  node.actual = node.actual - 1
  if node.out then return publish(node) end
  if node.unpublished then return end
  node.unpublished = true
  local list = node.app.to_publish
  list[#list + 1] = node
  flush_later(node.app)
end

-- Of all workers, by node id.
function inflight.sums(app)
  inflight.flush(app)
  local sums = {}
  local slots = workers.living(app)
  for _, node in ipairs(app.nodes) do
    local sum = 0
    for _, slot in ipairs(slots) do sum = sum + (app.dict:get('inflight:' .. slot .. ':' .. node.id) or 0) end
    sums[node.id] = sum
  end
  return sums
end

return inflight
