-- Asks for sessions by turns, as file of cookies (one a line) has them: -- COOKIES WRITES, of a hundred requests.
local reads, writes = {}, {}
local share, at, count = 0, 0, 0

function init(args)
  share = tonumber(args[2])
  for line in io.lines(args[1]) do
    local headers = { Cookie = line }
    reads[#reads + 1] = wrk.format("GET", "/read", headers)
    writes[#writes + 1] = wrk.format("GET", "/write", headers)
  end
end

function request()
  at = at % #reads + 1
  count = count + share
  if count >= 100 then
    count = count - 100
    return writes[at]
  end
  return reads[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nresult {"requests":%d,"durationUs":%d,"p50Us":%d,"p99Us":%d,"badStatus":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
