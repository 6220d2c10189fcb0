-- The log phase: a request ends, whatever became of it. The same for all apps of this nginx.
local health = require 'baton.health'
local inflight = require 'baton.inflight'
local leases = require 'baton.leases'
local metrics = require 'baton.metrics'

local log = {}

-- Of the last node that was asked: without a header of its own, the status is nginx'.
local function has_answered()
  local times = ngx.var.upstream_header_time
  return times ~= nil and times:match('(%S+)%s*$') ~= '-'
end

local function was_sent()
  return (ngx.var.upstream_bytes_sent or ''):match('(%d+)%s*$') ~= '0'
end

local function count(node, seconds)
  local status = ngx.status
  if status < 499 or has_answered() then
    metrics.answered(node, status, seconds)
    if node.suspect then health.cleared(node) end
  elseif status == 499 then
    -- A client that went away before the answer says nothing about the node.
    metrics.answered(node, nil, seconds)
  else
    metrics.failed(node, false)
    if not was_sent() then health.refused(node) end
  end
end

local function finish_nested()
  -- Where log_subrequest is on, a subrequest comes by here itself.
  if ngx.is_subrequest then return end
  for _, address in ipairs(leases.take_nested() or {}) do
    local node = leases.node[address]
    if node then
      leases.drop(address)
      inflight.give(node)
      metrics.answered(node, nil, 0)
    end
  end
end

function log.finish()
  local address = leases.address()
  local node = leases.node[address]
  if node then
    local seconds = ngx.now() - leases.since[address]
    leases.drop(address)
    inflight.give(node)
    count(node, seconds)
  end
  if leases.has_nested() then finish_nested() end
end

return log
