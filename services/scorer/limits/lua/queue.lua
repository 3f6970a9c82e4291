-- A place in the queue of the local models. Mirrors MemoryDesk.queue_local.
-- KEYS: the local queue, the request, the pace
-- ARGV: now (microseconds, or ""), request id, most, lease (milliseconds)
local now = tonumber(ARGV[1])
if not now then
  local t = redis.call('TIME')
  now = t[1] * 1000000 + t[2]
end
local pace = redis.call('GET', KEYS[3]) or ''
if redis.call('EXISTS', KEYS[2]) == 0 or redis.call('ZSCORE', KEYS[1], ARGV[2]) then return {1, 0, pace} end
local now_ms = math.floor(now / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms)
local ahead = redis.call('ZCARD', KEYS[1])
if ahead >= tonumber(ARGV[3]) then return {0, ahead, pace} end
redis.call('ZADD', KEYS[1], now_ms + tonumber(ARGV[4]), ARGV[2])
redis.call('HSET', KEYS[2], 'queued_at', string.format('%.0f', now), 'ahead', ahead)
return {1, ahead, pace}
