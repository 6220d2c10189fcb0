-- Changes, one after another over all workers. Every function returns true; or nil, a code and a message.
local health = require 'baton.health'
local state = require 'baton.state'

local changes = {}

local LOCK_SECONDS = 5 -- a worker that was killed while it held the lock
local PATIENCE_SECONDS = 2
local PAUSE_SECONDS = 0.005

local function lock(dict)
  local deadline = ngx.now() + PATIENCE_SECONDS
  while not dict:safe_add('lock', ngx.worker.pid(), LOCK_SECONDS) do
    if ngx.now() > deadline then return false end
    ngx.sleep(PAUSE_SECONDS)
  end
  return true
end

local function save(app, current)
  local ok, err = state.save(app, current)
  if ok then return true end
  return nil, 'state-unwritable', ('cannot write %s (%s), so nothing was changed: '
    .. 'check that its folder exists, belongs to the user of nginx\'s workers and has space')
    :format(app.config.state_file, err)
end

local function under_token(app, token, change)
  if not lock(app.dict) then
    return nil, 'busy', 'another change has been under way for ' .. PATIENCE_SECONDS .. ' s: try again'
  end
  local current = state.current(app)
  local ok, code, message
  if token < current.fence then
    code = 'stale-token'
    message = ('token %d is stale, the newest is %d: another deploy has taken over; see "baton status"')
      :format(token, current.fence)
  else
    current.fence = token
    ok, code, message = change(current)
  end
  app.dict:delete('lock')
  state.sync(app)
  return ok, code, message
end

-- `wanted`: { admin = 'in' | 'out' | nil, weight = number | nil }.
function changes.set(app, node, wanted, token)
  return under_token(app, token, function(current)
    local saved = current.nodes[node.id]
    saved.admin = wanted.admin or saved.admin
    saved.weight = wanted.weight or saved.weight
    local ok, code, message = save(app, current)
    if ok and wanted.admin == 'in' then health.cleared(node) end
    return ok, code, message
  end)
end

function changes.fence(app, token)
  return under_token(app, token, function(current) return save(app, current) end)
end

return changes
