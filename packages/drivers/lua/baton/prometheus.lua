-- Counts in Prometheus' text format 0.0.4, named as the embedded balancer's are.
local metrics = require 'baton.metrics'
local view = require 'baton.view'
local workers = require 'baton.workers'

local prometheus = { content_type = 'text/plain; version=0.0.4; charset=utf-8' }

local STATES = { 'serving', 'draining', 'drained', 'down' }
local CLASSES = { '1xx', '2xx', '3xx', '4xx', '5xx' }
local DURATION = 'baton_request_duration_seconds'

local function number(value)
  return value % 1 == 0 and ('%d'):format(value) or ('%.14g'):format(value)
end

local function sample(out, name, labels, value)
  out[#out + 1] = name .. '{' .. labels .. '} ' .. number(value)
end

local function family(out, rows, name, kind, help, samples)
  out[#out + 1] = '# HELP ' .. name .. ' ' .. help
  out[#out + 1] = '# TYPE ' .. name .. ' ' .. kind
  for _, row in ipairs(rows) do samples(row, 'node="' .. row.node.id .. '"') end
end

local function latency(out, row, labels)
  local found = row.counts.latency
  for i, bound in ipairs(metrics.bounds) do
    local le = bound == math.huge and '+Inf' or number(bound)
    sample(out, DURATION .. '_bucket', 'le="' .. le .. '",' .. labels, found.counts[i])
  end
  sample(out, DURATION .. '_sum', labels, found.sum)
  sample(out, DURATION .. '_count', labels, found.counts[#found.counts])
end

function prometheus.render(app)
  local out, rows = {}, {}
  local slots = workers.living(app)
  for i, node in ipairs(view.nodes(app)) do
    rows[i] = { node = node, counts = metrics.read(app, app.by_id[node.id], slots) }
  end
  local function one(name, kind, help, read)
    family(out, rows, name, kind, help, function(row, labels) sample(out, name, labels, read(row)) end)
  end
  local name = 'baton_requests_total'
  family(out, rows, name, 'counter', 'Answers of the node, by status class.', function(row, labels)
    for _, class in ipairs(CLASSES) do
      sample(out, name, labels .. ',status="' .. class .. '"', row.counts.statuses[class])
    end
  end)
  one('baton_exchanges_total', 'counter', 'Requests sent to the node.', function(row) return row.counts.requests end)
  one('baton_failures_total', 'counter', "Requests that failed on the node's side.", function(row)
    return row.counts.failures
  end)
  one('baton_retries_total', 'counter', 'Requests that went on to another node.', function(row)
    return row.counts.retries
  end)
  one('baton_inflight', 'gauge', 'Requests in flight, long-lived ones included.', function(row)
    return row.node.inflight
  end)
  one('baton_node_weight', 'gauge', 'The share of the node.', function(row) return row.node.weight end)
  one('baton_node_healthy', 'gauge', '0 while it is passed over for refusing connections.', function(row)
    return row.node.healthy and 1 or 0
  end)
  local state = 'baton_node_state'
  family(out, rows, state, 'gauge', '1 for the state that the node is in.', function(row, labels)
    for _, each in ipairs(STATES) do
      sample(out, state, labels .. ',state="' .. each .. '"', row.node.state == each and 1 or 0)
    end
  end)
  family(out, rows, DURATION, 'histogram', 'From the choice of the node to the end.', function(row, labels)
    latency(out, row, labels)
  end)
  return table.concat(out, '\n') .. '\n'
end

return prometheus
