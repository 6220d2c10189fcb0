-- Which requests of this worker are on which node. A request is known by its address in memory, which is free again
-- only after the log phase: that costs no table a request, and holds through internal redirects, which empty ngx.ctx.
local base = require 'resty.core.base'
local ffi = require 'ffi'

local get_request, cast, tonumber = base.get_request, ffi.cast, tonumber
local is_internal = ngx.req.is_internal

-- By address: the node, when it was chosen, and the node that was tried before it.
local leases = { node = {}, since = {}, tried = {} }

-- Subrequests (auth_request, mirror, SSI) come without a log phase: they end with their main request, which has the
-- same $request_id. By this id: their addresses.
local nested = {}
local nested_ids = 0

function leases.address()
  return tonumber(cast('uintptr_t', get_request()))
end

function leases.begin(address, node, now)
  leases.node[address] = node
  leases.since[address] = now
  if not is_internal() then return end
  local id = ngx.var.request_id
  local addresses = nested[id]
  if not addresses then
    addresses = {}
    nested[id] = addresses
    nested_ids = nested_ids + 1
  end
  addresses[#addresses + 1] = address
end

function leases.drop(address)
  leases.node[address] = nil
  leases.since[address] = nil
  leases.tried[address] = nil
end

function leases.has_nested()
  return nested_ids > 0
end

-- The addresses that end with this main request, or nil.
function leases.take_nested()
  local id = ngx.var.request_id
  local addresses = nested[id]
  if not addresses then return nil end
  nested[id] = nil
  nested_ids = nested_ids - 1
  return addresses
end

return leases
