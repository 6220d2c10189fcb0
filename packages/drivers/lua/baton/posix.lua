-- The few system calls that nginx' Lua lacks. Names of our own for them: another module of the same nginx may have
-- declared the real ones differently.
local ffi = require 'ffi'

ffi.cdef [[
int baton_kill(int pid, int signal) __asm__("kill");
int baton_creat(const char *path, unsigned int mode) __asm__("creat");
int baton_open(const char *path, int flags) __asm__("open");
ssize_t baton_write(int fd, const void *bytes, size_t length) __asm__("write");
int baton_fsync(int fd) __asm__("fsync");
int baton_close(int fd) __asm__("close");
int baton_chmod(const char *path, unsigned int mode) __asm__("chmod");
char *baton_strerror(int number) __asm__("strerror");
]]

local C = ffi.C
local ESRCH = 3
local READ_ONLY = 0
local OWNER_ONLY = 384 -- 0600

local posix = {}

-- When the process started, in ticks since boot (proc(5)): a number that is used again has another. '' without /proc.
function posix.started(pid)
  local file = io.open('/proc/' .. pid .. '/stat')
  if not file then return '' end
  local text = file:read('*a') or ''
  file:close()
  -- The 22nd field; the second, the name in brackets, may hold anything.
  return text:match('.*%)' .. (' %S+'):rep(19) .. ' (%d+)') or ''
end

function posix.lives(pid, started)
  if C.baton_kill(pid, 0) ~= 0 and ffi.errno() == ESRCH then return false end
  local now = posix.started(pid)
  return now == '' or started == '' or now == started
end

function posix.chmod_owner_only(path)
  return C.baton_chmod(path, OWNER_ONLY) == 0
end

local function failed(what)
  return nil, what .. ': ' .. ffi.string(C.baton_strerror(ffi.errno()))
end

local function write_all(fd, text)
  local from = 0
  local bytes = ffi.cast('const char *', text)
  while from < #text do
    local written = tonumber(C.baton_write(fd, bytes + from, #text - from))
    if written <= 0 then return failed('write') end
    from = from + written
  end
  if C.baton_fsync(fd) ~= 0 then return failed('fsync') end
  return true
end

-- Replaces the file at once or not at all: whoever reads it, also after a power cut, finds the old text or the new one.
function posix.write_atomically(path, text)
  local temporary = path .. '.' .. ngx.worker.pid() .. '.tmp'
  local fd = C.baton_creat(temporary, OWNER_ONLY)
  if fd < 0 then return failed('create ' .. temporary) end
  local ok, err = write_all(fd, text)
  C.baton_close(fd)
  if ok then ok, err = os.rename(temporary, path) end
  if not ok then
    os.remove(temporary)
    return nil, err
  end
  local folder = C.baton_open(path:match('^(.*)/'), READ_ONLY)
  if folder >= 0 then
    C.baton_fsync(folder)
    C.baton_close(folder)
  end
  return true
end

return posix
