-- Lets a request in, or says why not. Mirrors rate.take and MemoryDesk.enter, and adds the flights.
-- KEYS: rate, slots of the key, all inside, the request, its flight, the cached answer
-- ARGV: now (microseconds, or ""), request id, key id, requests, period (microseconds), most at once,
--       lease (milliseconds), shares (1/0), takes cached (1/0). 0 requests or most: no limit.
local now = tonumber(ARGV[1])
if not now then
  local t = redis.call('TIME')
  now = t[1] * 1000000 + t[2]
end
local id, key_id = ARGV[2], ARGV[3]
local requests, period, most = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local lease, shares = tonumber(ARGV[7]), ARGV[8] == '1'
local slack = 1000

local full_at, left, reset = 0, -1, 0
local function take()
  redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000) + 1000)
end
if requests > 0 then
  local share = period / requests
  full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
  local wait = full_at + share - now - period
  if wait > slack then
    return {'rate_limited', '', 0, full_at - now, math.ceil(wait)}
  end
  full_at = full_at + share
  left = math.max(math.floor((period - (full_at - now) + slack) / share), 0)
  reset = full_at - now
end

if shares and redis.call('EXISTS', KEYS[6]) == 1 then
  if ARGV[9] == '1' then
    if requests > 0 then take() end
    return {'cached', '', left, reset, 0}
  end
  shares = false  -- its own way to the answer that is there
end
local leader = shares and redis.call('GET', KEYS[5])
if leader and leader ~= '-' and leader ~= id then
  if requests > 0 then take() end
  return {'wait', leader, left, reset, 0}
end

local now_ms = math.floor(now / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now_ms)
if most > 0 and redis.call('ZCARD', KEYS[2]) >= most and not redis.call('ZSCORE', KEYS[2], id) then
  return {'too_many_at_once', '', left, reset, 0}
end
if requests > 0 then take() end
redis.call('ZADD', KEYS[2], now_ms + lease, id)
redis.call('PEXPIRE', KEYS[2], lease * 2)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now_ms)
redis.call('ZADD', KEYS[3], now_ms + lease, id)
redis.call('HSET', KEYS[4], 'key', key_id)
if shares and not leader then
  redis.call('SET', KEYS[5], id, 'PX', lease)
  redis.call('HSET', KEYS[4], 'flight', KEYS[5])
end
redis.call('PEXPIRE', KEYS[4], lease)
return {'go', '', left, reset, 0}
