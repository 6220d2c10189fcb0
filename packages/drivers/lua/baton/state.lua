-- What outlives a restart of nginx, and what this worker makes of it.
local health = require 'baton.health'
local json = require 'baton.json'
local posix = require 'baton.posix'
local schedule = require 'baton.schedule'
local workers = require 'baton.workers'

local state = {}

local NOTHING = { version = 1, fence = 0, nodes = {} }

local function is_whole(value)
  return type(value) == 'number' and value >= 0 and value % 1 == 0
end

local function problem_of(found)
  if type(found) ~= 'table' then return 'it is not an object' end
  if found.version ~= 1 then return 'it is of another version than 1' end
  if not is_whole(found.fence) then return '`fence` is not a whole number' end
  if type(found.nodes) ~= 'table' then return '`nodes` is not an object' end
  for id, node in pairs(found.nodes) do
    local ok = type(node) == 'table' and (node.admin == 'in' or node.admin == 'out')
      and is_whole(node.weight) and node.weight > 0 and is_whole(node.configuredWeight)
    if not ok then return '`nodes.' .. tostring(id) .. '` lacks admin, weight or configuredWeight' end
  end
end

local function read_file(path)
  local file, err, number = io.open(path, 'r')
  if not file then
    -- There is none before the first change (2: ENOENT).
    if number ~= 2 then ngx.log(ngx.ERR, 'baton: cannot read ', err, ': every node starts in') end
    return NOTHING
  end
  local text = file:read('*a') or ''
  file:close()
  local found, damage = json.decode(text)
  damage = damage or problem_of(found)
  if not damage then return found end
  ngx.log(ngx.ERR, 'baton: ', path, ' is damaged (', damage, '): every node starts in, at its configured weight')
  return NOTHING
end

local function random_id()
  local file = io.open('/dev/urandom', 'rb')
  local bytes = file and file:read(12) or tostring(ngx.now()) .. ngx.worker.pid()
  if file then file:close() end
  return (bytes:gsub('.', function(letter) return ('%02x'):format(letter:byte()) end))
end

-- nginx cannot bind a unix socket again that a killed nginx has left behind: it would not start. Under another name the
-- socket still answers, and the name that nginx binds is free.
local function take_socket(sockets)
  posix.chmod_owner_only(sockets.listen)
  os.rename(sockets.listen, sockets.admin)
end

-- The first worker that is touched after a start of nginx fills the dictionary. Several may do so at once, and any of
-- them may be killed meanwhile: all of them have read the same file, and of each key the first one counts.
local function fill(app)
  local dict, config = app.dict, app.config
  local found = read_file(config.state_file)
  if dict:safe_add('generation', random_id()) then take_socket(config.sockets) end
  dict:safe_add('state', json.encode(found))
  dict:safe_add('version', 1)
end

local function apply(app, found)
  app.fence = found.fence
  for _, node in ipairs(app.nodes) do
    local saved = found.nodes[node.id]
    -- An edit of the configuration outranks a weight that was set before it. A node that is not there: its worker is of
    -- an older configuration, and keeps to what it knows.
    if saved then
      node.out = saved.admin == 'out'
      node.weight = saved.configuredWeight == node.configured_weight and saved.weight or node.configured_weight
    end
  end
end

-- Brings this worker to the dictionary's state, where it is not. The version is read first: a later change is seen by
-- the next look.
function state.sync(app)
  local dict = app.dict
  local version = dict:get('version')
  if version and version == app.version and ngx.now() < app.recheck_at then return end
  if not app.slot then workers.register(app) end
  if not version then
    fill(app)
    version = dict:get('version')
    if not version then error('baton: the dictionary baton_' .. app.config.name .. ' is full') end
  end
  local text = dict:get('state')
  if text ~= app.text then
    apply(app, json.decode(text))
    app.text = text
  end
  health.read(app)
  schedule.rebuild(app)
  app.version = version
end

-- As it is in the dictionary; every node of the configuration is in it, and no other.
function state.current(app)
  local found = json.decode(app.dict:get('state'))
  local nodes = {}
  for _, node in ipairs(app.nodes) do
    local saved = found.nodes[node.id]
    local keeps = saved and saved.configuredWeight == node.configured_weight
    nodes[node.id] = {
      admin = saved and saved.admin or 'in',
      weight = keeps and saved.weight or node.configured_weight,
      configuredWeight = node.configured_weight,
    }
  end
  return { version = 1, fence = found.fence, nodes = nodes }
end

-- First the file, then the dictionary: an answer that was given outlives a crash, and a failed write changes nothing.
-- Returns true; or nil and why not.
function state.save(app, wanted)
  local text = json.encode(wanted)
  local ok, err = posix.write_atomically(app.config.state_file, text .. '\n')
  if not ok then return nil, err end
  ok, err = app.dict:safe_set('state', text)
  if not ok then return nil, err end
  app.dict:incr('version', 1)
  return true
end

return state
