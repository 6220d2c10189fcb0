-- The workers of this nginx that have something in the dictionary, old ones that are finishing included.
local metrics = require 'baton.metrics'
local posix = require 'baton.posix'

local workers = {}

local function identity(pid)
  return pid .. ' ' .. posix.started(pid)
end

local function is_alive(text)
  local pid, started = text:match('^(%d+) (%d*)$')
  return posix.lives(tonumber(pid), started)
end

-- A worker that was killed has ended no request: its counts go with it. Its metrics stay: counters never go down.
local function reap(app, slot, text)
  local dict = app.dict
  if not dict:safe_add('reaping:' .. slot, true, 5) then return end
  if dict:get('worker:' .. slot) == text then
    for _, node in ipairs(app.nodes) do
      dict:delete('inflight:' .. slot .. ':' .. node.id)
      metrics.bury(app, slot, node)
    end
    dict:delete('worker:' .. slot)
  end
  dict:delete('reaping:' .. slot)
end

-- The slots of those that live; the dead are buried.
function workers.living(app)
  local living = {}
  for slot = 1, app.dict:get('slots') or 0 do
    local text = app.dict:get('worker:' .. slot)
    if text and is_alive(text) then
      living[#living + 1] = slot
    elseif text then
      reap(app, slot, text)
    end
  end
  return living
end

-- Gives this worker a slot of its own: a small number for its keys.
function workers.register(app)
  local dict = app.dict
  workers.living(app)
  local mine = identity(ngx.worker.pid())
  local slot = 1
  while not dict:safe_add('worker:' .. slot, mine) do
    slot = slot + 1
    if slot > 4096 then error('baton: the dictionary baton_' .. app.config.name .. ' is full') end
  end
  while (dict:get('slots') or 0) < slot do dict:incr('slots', 1, 0) end
  app.slot = slot
  for _, node in ipairs(app.nodes) do
    node.inflight_key = 'inflight:' .. slot .. ':' .. node.id
    node.metrics_key = 'metrics:' .. slot .. ':' .. node.id
  end
end

return workers
