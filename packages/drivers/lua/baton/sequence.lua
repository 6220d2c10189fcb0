-- Smooth weighted round robin, unrolled: one period of what nginx' own algorithm would pick, so that a request takes
-- the next slot and computes nothing. (nginx, src/http/ngx_http_upstream_round_robin.c: ngx_http_upstream_get_peer.)
local sequence = {}

local SLOTS = 8192 -- bounds the work of a rebuild: some 25 ms for 1,000 nodes of unlike weights

local function reduced(weights)
  local divisor = 0
  for _, weight in ipairs(weights) do
    local a, b = divisor, weight
    while b ~= 0 do a, b = b, a % b end
    divisor = a
  end
  local gains = {}
  for i, weight in ipairs(weights) do gains[i] = weight / divisor end
  return gains
end

local function sum(numbers)
  local total = 0
  for _, number in ipairs(numbers) do total = total + number end
  return total
end

-- How often each node stands in the period: greater weights are scaled down, each to at least one slot.
local function slots(weights)
  local gains = reduced(weights)
  local total = sum(gains)
  local bound = math.max(SLOTS, 2 * #weights)
  if total <= bound then return gains, total end
  for i, gain in ipairs(gains) do gains[i] = math.ceil(gain * (bound - #weights) / total) end
  gains = reduced(gains)
  return gains, sum(gains)
end

-- What all are owed must add up to nothing: what has gone with a node that left is shared out by weight.
local function balanced(gains, period, owed)
  local surplus = sum(owed)
  local credits = {}
  for i, gain in ipairs(gains) do credits[i] = owed[i] * period - surplus * gain end
  return credits
end

-- `weights`: positive whole numbers. `owed`: how many requests each is short of its share, from the sequence before.
-- `picks` are indices in order; a sequence that is not periodic is built anew at its end.
function sequence.build(weights, owed)
  local gains, period = slots(weights)
  local credits = balanced(gains, period, owed)
  local began = {}
  local picks, counts = {}, {}
  local count = #gains
  for i = 1, count do
    began[i] = credits[i] / period
    counts[i] = 0
  end
  for slot = 1, period do
    local best, most = 1, -math.huge
    for i = 1, count do
      local credit = credits[i] + gains[i]
      credits[i] = credit
      if credit > most then
        best, most = i, credit
      end
    end
    credits[best] = credits[best] - period
    counts[best] = counts[best] + 1
    picks[slot] = best
  end
  local periodic = true
  for i = 1, count do periodic = periodic and counts[i] == gains[i] end
  return { picks = picks, gains = gains, period = period, began = began, periodic = periodic }
end

-- What each is owed after so many picks.
function sequence.owed(built, position)
  local owed = {}
  for i, gain in ipairs(built.gains) do owed[i] = built.began[i] + position * gain / built.period end
  for slot = 1, position do
    local picked = built.picks[slot]
    owed[picked] = owed[picked] - 1
  end
  return owed
end

return sequence
