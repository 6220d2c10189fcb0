-- Passive marking: a node that refuses connection after connection is passed over for a while, by all workers.
local health = {}

local REFUSALS = 3
local WINDOW_SECONDS = 10
local PASSED_OVER_SECONDS = 10

local function watch(app)
  for _, node in ipairs(app.nodes) do
    node.suspect = node.doubted_until ~= nil or app.dict:get('refused:' .. node.id) ~= nil
  end
end

-- Now and then each worker looks whether others have met refusals, so that its answers clear them as well: they count
-- in a row only.
function health.look(app)
  local refusals = app.dict:get('refusals')
  if refusals == app.refusals then return end
  app.refusals = refusals
  watch(app)
end

-- What the dictionary says; `recheck_at` is when the first doubt ends.
function health.read(app)
  local recheck_at = math.huge
  local now = ngx.now()
  for _, node in ipairs(app.nodes) do
    local till = app.dict:get('doubt:' .. node.id)
    node.doubted_until = till and till > now and till or nil
    recheck_at = math.min(recheck_at, node.doubted_until or math.huge)
  end
  app.recheck_at = recheck_at
  watch(app)
end

local function another_serves(node)
  for _, other in ipairs(node.app.nodes) do
    if other ~= node and not other.out and not other.doubted_until then return true end
  end
  return false
end

function health.refused(node)
  local dict = node.app.dict
  node.suspect = true
  local key = 'refused:' .. node.id
  local refusals = dict:incr(key, 1, 0, WINDOW_SECONDS) or 0
  dict:incr('refusals', 1, 0)
  if refusals < REFUSALS or node.doubted_until or node.out then return end
  -- The last one is kept: a doubtful node serves better than none.
  if not another_serves(node) then return end
  node.doubted_until = ngx.now() + PASSED_OVER_SECONDS
  dict:safe_set('doubt:' .. node.id, node.doubted_until, PASSED_OVER_SECONDS)
  dict:incr('version', 1)
  ngx.log(ngx.WARN, 'baton: ', node.id, ' refused ', refusals, ' connections in a row and is passed over for ',
    PASSED_OVER_SECONDS, ' s')
end

-- It has answered, or somebody has put it in.
function health.cleared(node)
  local dict = node.app.dict
  node.suspect = false
  dict:delete('refused:' .. node.id)
  if not dict:get('doubt:' .. node.id) then return end
  dict:delete('doubt:' .. node.id)
  dict:incr('version', 1)
end

return health
