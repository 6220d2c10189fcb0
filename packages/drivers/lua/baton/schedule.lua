-- Which node gets the next request of this worker.
local sequence = require 'baton.sequence'

local schedule = {}

-- Where no node that is in is trusted, all that are in are tried: a doubtful node serves better than none.
local function members_of(app)
  local members, doubtful = {}, {}
  for _, node in ipairs(app.nodes) do
    if not node.out then
      local group = node.doubted_until and doubtful or members
      group[#group + 1] = node
    end
  end
  return #members > 0 and members or doubtful
end

local function build(app, members)
  local weights, owed = {}, {}
  for i, node in ipairs(members) do
    weights[i] = node.weight
    owed[i] = node.owed
  end
  local built = sequence.build(weights, owed)
  local picks = {}
  for slot, index in ipairs(built.picks) do picks[slot] = members[index] end
  app.members, app.weights, app.built, app.picks, app.last_position = members, weights, built, picks, built.period
end

-- What the nodes are owed is carried over: a sequence from scratch always begins with the same node, which would get
-- more than its share under frequent changes.
local function settle(app)
  if not app.built then return end
  local owed = sequence.owed(app.built, app.position)
  for _, node in ipairs(app.nodes) do node.owed = 0 end
  for i, node in ipairs(app.members) do node.owed = owed[i] end
end

local function is_built_of(app, members)
  if not app.built or #members ~= #app.members then return false end
  for i, node in ipairs(members) do
    if node ~= app.members[i] or node.weight ~= app.weights[i] then return false end
  end
  return true
end

function schedule.rebuild(app)
  local members = members_of(app)
  if is_built_of(app, members) then return end
  settle(app)
  local is_first = app.members == nil
  if #members == 0 then
    app.members, app.built, app.picks, app.position, app.last_position = members, nil, nil, 0, 0
    return
  end
  build(app, members)
  app.position = 0
  if is_first then
    -- Workers begin at different places, or all would send their first requests to the same node.
    app.position = math.floor(app.built.period * (ngx.worker.id() or 0) / ngx.worker.count())
  end
end

-- The next node, or nil where none is in.
function schedule.next(app)
  local position = app.position + 1
  if position > app.last_position then
    if app.last_position == 0 then return nil end
    if not app.built.periodic then
      settle(app)
      build(app, app.members)
    end
    position = 1
  end
  app.position = position
  return app.picks[position]
end

-- The next one that is not this.
function schedule.next_but(app, avoided)
  for _ = 1, app.last_position do
    local node = schedule.next(app)
    if node ~= avoided then return node end
  end
  -- One that has had more than its share of late is in no slot for a while.
  for _, node in ipairs(app.members) do
    if node ~= avoided then return node end
  end
end

return schedule
