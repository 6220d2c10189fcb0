-- Counts of each node: on the way of a request plain arrays of this worker, copied into the dictionary now and then.
-- 1 requests, 2..6 answers by status class, 7 failures, 8 retries, 9 seconds in all, then one a bound of latency.
local metrics = {}

local REQUESTS, CLASSES, FAILURES, RETRIES, SECONDS, LATENCY = 1, 1, 7, 8, 9, 9
-- Upper bounds in seconds; the same as the embedded balancer's.
local BOUNDS = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, math.huge }
local FLUSH_SECONDS = 0.5

metrics.bounds = BOUNDS

local function bucket_of(seconds)
  local bucket = 1
  while seconds > BOUNDS[bucket] do bucket = bucket + 1 end
  return bucket
end

-- nginx counts in milliseconds; a table instead of a loop, which LuaJIT would not compile into the way of a request.
local BUCKET_OF_MS = {}
for ms = 0, 1000 do BUCKET_OF_MS[ms] = bucket_of(ms / 1000) end

function metrics.zero()
  local counts = {}
  for i = 1, LATENCY + #BOUNDS do counts[i] = 0 end
  return counts
end

local function add(sum, text)
  local i = 0
  for number in (text or ''):gmatch('%S+') do
    i = i + 1
    sum[i] = (sum[i] or 0) + tonumber(number)
  end
  return sum
end

local function packed(counts)
  local texts = {}
  for i, count in ipairs(counts) do texts[i] = i == SECONDS and ('%.6f'):format(count) or ('%d'):format(count) end
  return table.concat(texts, ' ')
end

function metrics.flush(app)
  for _, node in ipairs(app.nodes) do
    if node.counted then
      node.counted = false
      app.dict:safe_set(node.metrics_key, packed(node.counts))
    end
  end
end

local function on_time(_, app)
  app.flushes_metrics = nil
  metrics.flush(app)
end

local function counted(node)
  node.counted = true
  local app = node.app
  if app.flushes_metrics then return end
  app.flushes_metrics = ngx.timer.at(FLUSH_SECONDS, on_time, app)
  if not app.flushes_metrics then metrics.flush(app) end
end

-- `status`: of the node's answer; nil where there was none, because the client went away before it.
function metrics.answered(node, status, seconds)
  local counts = node.counts
  counts[REQUESTS] = counts[REQUESTS] + 1
  if status and status >= 100 and status < 600 then
    local class = CLASSES + math.floor(status / 100)
    counts[class] = counts[class] + 1
    -- What lasts for long by its nature says nothing about latency.
    if status ~= 101 then
      local bucket = BUCKET_OF_MS[math.floor(seconds * 1000 + 0.5)] or bucket_of(seconds)
      counts[LATENCY + bucket] = counts[LATENCY + bucket] + 1
      counts[SECONDS] = counts[SECONDS] + seconds
    end
  end
  if not node.counted then counted(node) end
end

-- It got no answer from the node; `retried`: and went on.
function metrics.failed(node, retried)
  local counts = node.counts
  counts[REQUESTS] = counts[REQUESTS] + 1
  counts[FAILURES] = counts[FAILURES] + 1
  if retried then counts[RETRIES] = counts[RETRIES] + 1 end
  if not node.counted then counted(node) end
end

-- Keeps what a dead worker has counted.
function metrics.bury(app, slot, node)
  local dict = app.dict
  local text = dict:get('metrics:' .. slot .. ':' .. node.id)
  if not text then return end
  local kept = 'metrics:gone:' .. node.id
  dict:safe_set(kept, packed(add(add(metrics.zero(), dict:get(kept)), text)))
  dict:delete('metrics:' .. slot .. ':' .. node.id)
end

-- Of all workers that ever were, since nginx started; `slots` of those that live. NodeMetrics of @baton/core, but for
-- the bounds.
function metrics.read(app, node, slots)
  metrics.flush(app)
  local sum = add(metrics.zero(), app.dict:get('metrics:gone:' .. node.id))
  for _, slot in ipairs(slots) do add(sum, app.dict:get('metrics:' .. slot .. ':' .. node.id)) end
  local below, counts, statuses = 0, {}, {}
  for i = 1, #BOUNDS do
    below = below + sum[LATENCY + i]
    counts[i] = below
  end
  for class = 1, 5 do statuses[class .. 'xx'] = sum[CLASSES + class] end
  return {
    requests = sum[REQUESTS],
    statuses = statuses,
    failures = sum[FAILURES],
    retries = sum[RETRIES],
    latency = { counts = counts, sum = sum[SECONDS] },
  }
end

return metrics
