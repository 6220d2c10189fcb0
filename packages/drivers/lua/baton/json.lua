-- As much JSON (RFC 8259) as the admin API and the state file need: Debian's Lua module for nginx comes without
-- lua-cjson. Objects and arrays are tables, null is json.null. A table is an array if json.array is its metatable or
-- something stands at 1. Keys are sorted, so that the same state is the same text.
local json = { null = setmetatable({}, { __tostring = function() return 'null' end }), array = {} }

local find, sub, byte, char, format = string.find, string.sub, string.byte, string.char, string.format

local ESCAPES = { ['"'] = '"', ['\\'] = '\\', ['/'] = '/', b = '\b', f = '\f', n = '\n', r = '\r', t = '\t' }
local DEEPEST = 32

local function fail(at, what)
  error({ json = what .. ' at character ' .. at }, 0)
end

local function skip(text, at)
  return find(text, '[^ \t\r\n]', at) or #text + 1
end

local function utf8(code)
  local floor = math.floor
  if code < 0x80 then return char(code) end
  if code < 0x800 then return char(0xC0 + floor(code / 64), 0x80 + code % 64) end
  if code < 0x10000 then
    return char(0xE0 + floor(code / 4096), 0x80 + floor(code / 64) % 64, 0x80 + code % 64)
  end
  return char(0xF0 + floor(code / 262144), 0x80 + floor(code / 4096) % 64, 0x80 + floor(code / 64) % 64,
    0x80 + code % 64)
end

local function escaped(text, at)
  local letter = sub(text, at, at)
  if ESCAPES[letter] then return ESCAPES[letter], at + 1 end
  local high = letter == 'u' and tonumber(text:match('^%x%x%x%x', at + 1) or '', 16)
  if not high then fail(at, 'an unknown escape') end
  if high < 0xD800 or high > 0xDBFF then return utf8(high), at + 5 end
  local low = tonumber(text:match('^\\u(%x%x%x%x)', at + 5) or '', 16)
  if not low or low < 0xDC00 or low > 0xDFFF then fail(at, 'half of a surrogate pair') end
  return utf8(0x10000 + (high - 0xD800) * 1024 + low - 0xDC00), at + 11
end

local function decode_string(text, at)
  local from = at + 1
  local stop = find(text, '["\\%c]', from)
  if stop and byte(text, stop) == 34 then return sub(text, from, stop - 1), stop + 1 end
  local parts = {}
  while stop do
    parts[#parts + 1] = sub(text, from, stop - 1)
    local letter = byte(text, stop)
    if letter == 34 then return table.concat(parts), stop + 1 end
    if letter ~= 92 then fail(stop, 'a control character in a text') end
    parts[#parts + 1], from = escaped(text, stop + 1)
    stop = find(text, '["\\%c]', from)
  end
  fail(at, 'a text without an end')
end

local decode_value

local function decode_object(text, at, depth)
  local object = {}
  at = skip(text, at + 1)
  if byte(text, at) == 125 then return object, at + 1 end
  while true do
    if byte(text, at) ~= 34 then fail(at, 'no name') end
    local key
    key, at = decode_string(text, at)
    at = skip(text, at)
    if byte(text, at) ~= 58 then fail(at, 'no colon') end
    object[key], at = decode_value(text, skip(text, at + 1), depth)
    at = skip(text, at)
    local letter = byte(text, at)
    if letter == 125 then return object, at + 1 end
    if letter ~= 44 then fail(at, 'neither comma nor brace') end
    at = skip(text, at + 1)
  end
end

local function decode_array(text, at, depth)
  local array = setmetatable({}, json.array)
  at = skip(text, at + 1)
  if byte(text, at) == 93 then return array, at + 1 end
  while true do
    array[#array + 1], at = decode_value(text, at, depth)
    at = skip(text, at)
    local letter = byte(text, at)
    if letter == 93 then return array, at + 1 end
    if letter ~= 44 then fail(at, 'neither comma nor bracket') end
    at = skip(text, at + 1)
  end
end

local WORDS = { ['true'] = true, ['false'] = false, null = json.null }

function decode_value(text, at, depth)
  local letter = byte(text, at)
  if letter == 34 then return decode_string(text, at) end
  if depth > DEEPEST then fail(at, 'too deep nesting') end
  if letter == 123 then return decode_object(text, at, depth + 1) end
  if letter == 91 then return decode_array(text, at, depth + 1) end
  local word = text:match('^%l+', at)
  if word and WORDS[word] ~= nil then return WORDS[word], at + #word end
  local number = text:match('^-?%d+%.?%d*[eE]?[+-]?%d*', at)
  local value = number and tonumber(number)
  if not value then fail(at, 'no value') end
  return value, at + #number
end

-- The value; or nil and what is wrong with the text.
function json.decode(text)
  local ok, value, at = pcall(decode_value, text, skip(text, 1), 0)
  if not ok then return nil, type(value) == 'table' and value.json or tostring(value) end
  if skip(text, at) <= #text then return nil, 'more than one value at character ' .. at end
  return value
end

local function encode_string(text)
  if not find(text, '[%c"\\]') then return '"' .. text .. '"' end
  local escapes = text:gsub('[%c"\\]', function(letter)
    if letter == '"' or letter == '\\' then return '\\' .. letter end
    return format('\\u%04x', byte(letter))
  end)
  return '"' .. escapes .. '"'
end

local encode

local function encode_array(array, out)
  out[#out + 1] = '['
  for i, item in ipairs(array) do
    if i > 1 then out[#out + 1] = ',' end
    encode(item, out)
  end
  out[#out + 1] = ']'
end

local function encode_object(object, out)
  local keys = {}
  for key in pairs(object) do keys[#keys + 1] = key end
  table.sort(keys)
  out[#out + 1] = '{'
  for i, key in ipairs(keys) do
    out[#out + 1] = (i > 1 and ',' or '') .. encode_string(key) .. ':'
    encode(object[key], out)
  end
  out[#out + 1] = '}'
end

function encode(value, out)
  local kind = type(value)
  if kind == 'string' then
    out[#out + 1] = encode_string(value)
  elseif kind == 'number' then
    out[#out + 1] = value % 1 == 0 and format('%d', value) or format('%.14g', value)
  elseif kind ~= 'table' or value == json.null then
    out[#out + 1] = tostring(value)
  elseif getmetatable(value) == json.array or value[1] ~= nil then
    encode_array(value, out)
  else
    encode_object(value, out)
  end
end

function json.encode(value)
  local out = {}
  encode(value, out)
  return table.concat(out)
end

return json
