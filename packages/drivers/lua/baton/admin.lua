-- The admin API, as the embedded balancer has it: JSON over HTTP on a unix socket.
local changes = require 'baton.changes'
local json = require 'baton.json'
local metrics = require 'baton.metrics'
local prometheus = require 'baton.prometheus'
local state = require 'baton.state'
local view = require 'baton.view'
local workers = require 'baton.workers'

local admin = {}

local STATUS_OF = {
  ['bad-request'] = 400,
  ['missing-token'] = 400,
  ['unknown-node'] = 404,
  ['unknown-path'] = 404,
  ['method-not-allowed'] = 405,
  ['stale-token'] = 409,
  ['cannot-close'] = 501,
  busy = 503,
}
local HEAVIEST = 1000000

local function refuse(code, message)
  error({ code = code, message = message }, 0)
end

local function must(ok, code, message)
  if not ok then refuse(code, message) end
end

local function answer_text(status, text)
  ngx.status = status
  ngx.header['Content-Type'] = 'application/json'
  ngx.header['Content-Length'] = #text + 1
  ngx.print(text, '\n')
end

local function answer(status, body)
  answer_text(status, json.encode(body))
end

local function token_of()
  local token = ngx.req.get_headers()['baton-token']
  if token == nil then refuse('missing-token', 'the header Baton-Token is missing: send the token of your lock') end
  if type(token) ~= 'string' or not token:match('^%d+$') or #token > 15 then
    refuse('bad-request', 'Baton-Token must be a whole number of at most 15 digits')
  end
  return tonumber(token)
end

local function body_of()
  ngx.req.read_body()
  local text = ngx.req.get_body_data()
  if not text then
    if ngx.req.get_body_file() then refuse('bad-request', 'the body is too long') end
    return {}
  end
  local body, problem = json.decode(text)
  if problem then refuse('bad-request', 'the body is not JSON (' .. problem .. ')') end
  if type(body) ~= 'table' or body == json.null or getmetatable(body) == json.array then
    refuse('bad-request', 'the body must be a JSON object')
  end
  return body
end

local function wanted_of(body)
  for key in pairs(body) do
    if key ~= 'admin' and key ~= 'weight' then
      refuse('bad-request', '`' .. key .. '` is unknown here; known are admin, weight')
    end
  end
  local set, weight = body.admin, body.weight
  if set == nil and weight == nil then refuse('bad-request', 'the body must have `admin`, `weight` or both') end
  if set ~= nil and set ~= 'in' and set ~= 'out' then refuse('bad-request', '`admin` must be "in" or "out"') end
  local is_weight = type(weight) == 'number' and weight >= 1 and weight <= HEAVIEST and weight % 1 == 0
  if weight ~= nil and not is_weight then
    refuse('bad-request', '`weight` must be a whole number from 1 to ' .. HEAVIEST)
  end
  return body
end

local function node_of(app, encoded)
  local id = ngx.unescape_uri(encoded)
  local node = app.by_id[id]
  if node then return node end
  local ids = {}
  for i, each in ipairs(app.nodes) do ids[i] = each.id end
  refuse('unknown-node', 'no node is named ' .. json.encode(id) .. '; there are ' .. table.concat(ids, ', '))
end

local function get_nodes(app)
  local nodes = view.nodes_text(app)
  local head = json.encode { name = app.config.name, generation = app.dict:get('generation'), fence = app.fence }
  answer_text(200, head:sub(1, -2) .. ',"nodes":' .. nodes .. '}')
end

local function put_node(app, encoded)
  local token, wanted = token_of(), wanted_of(body_of())
  local node = node_of(app, encoded)
  must(changes.set(app, node, wanted, token))
  answer(200, view.node(app, node))
end

local function raise_fence(app)
  local token = token_of()
  must(changes.fence(app, token))
  answer(200, { fence = token })
end

-- nginx cannot end a request from outside; where there is none, nothing is left to do.
local function close_long_lived(app, encoded)
  local token = token_of()
  local node = node_of(app, encoded)
  must(changes.fence(app, token))
  local count = view.node(app, node).inflight
  if count == 0 then return answer(200, {}) end
  local message = 'nginx cannot close what is in flight on %s (%d): stop the node, or wait'
  refuse('cannot-close', message:format(node.id, count))
end

local function get_metrics(app, encoded)
  local node = node_of(app, encoded)
  local found = metrics.read(app, node, workers.living(app))
  local bounds = setmetatable({}, json.array)
  -- JSON knows no Infinity: the last bound is null.
  for i, bound in ipairs(metrics.bounds) do bounds[i] = bound == math.huge and json.null or bound end
  found.latency.bounds = bounds
  answer(200, found)
end

local function get_metrics_text(app)
  ngx.header['Content-Type'] = prometheus.content_type
  ngx.print(prometheus.render(app))
end

-- Proves which configuration answers.
local function get_configuration(app)
  answer(200, { token = app.config.token })
end

local ROUTES = {
  { 'GET', '^/metrics$', get_metrics_text },
  { 'GET', '^/v1/configuration$', get_configuration },
  { 'GET', '^/v1/nodes$', get_nodes },
  { 'PUT', '^/v1/nodes/([^/]+)$', put_node },
  { 'POST', '^/v1/nodes/([^/]+)/close%-long%-lived$', close_long_lived },
  { 'GET', '^/v1/nodes/([^/]+)/metrics$', get_metrics },
  { 'POST', '^/v1/fence$', raise_fence },
}

local function route(app)
  local method = ngx.req.get_method()
  local path = ngx.var.request_uri:match('^[^?]*')
  local allowed = {}
  for _, each in ipairs(ROUTES) do
    local id = path:match(each[2])
    if id and each[1] == method then return each[3](app, id) end
    if id then allowed[#allowed + 1] = each[1] end
  end
  if #allowed == 0 then refuse('unknown-path', 'there is nothing at ' .. path .. ': see GET /v1/nodes') end
  ngx.header['Allow'] = table.concat(allowed, ', ')
  refuse('method-not-allowed', path .. ' takes ' .. table.concat(allowed, ', ') .. ', not ' .. method)
end

function admin.serve(app)
  state.sync(app)
  local ok, problem = pcall(route, app)
  if ok then return end
  if type(problem) ~= 'table' then
    ngx.log(ngx.ERR, 'baton: ', problem)
    problem = { code = 'internal', message = tostring(problem) }
  end
  answer(STATUS_OF[problem.code] or 500, { error = { code = problem.code, message = problem.message } })
end

return admin
