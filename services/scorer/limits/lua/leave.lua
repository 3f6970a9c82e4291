-- Frees all that a request holds. Mirrors MemoryDesk.leave and pace.next_pace, and ends the flight.
-- KEYS: all inside, the local queue, the request, the pace
-- ARGV: now (microseconds, or ""), request id, prefix of slots, ok (1/0), stored (1/0), unshared (milliseconds)
local now = tonumber(ARGV[1])
if not now then
  local t = redis.call('TIME')
  now = t[1] * 1000000 + t[2]
end
local id, ok = ARGV[2], ARGV[4] == '1'
local key, flight, queued_at, ahead = unpack(redis.call('HMGET', KEYS[3], 'key', 'flight', 'queued_at', 'ahead'))
if not key then return 0 end
redis.call('DEL', KEYS[3])
redis.call('ZREM', ARGV[3] .. key, id)
redis.call('ZREM', KEYS[1], id)
redis.call('ZREM', KEYS[2], id)
if flight and redis.call('GET', flight) == id then
  if ok and ARGV[5] == '0' then
    redis.call('SET', flight, '-', 'PX', ARGV[6])
  else
    redis.call('DEL', flight)
  end
end
if ok and queued_at then
  local each = (now - tonumber(queued_at)) / 1000000 / (tonumber(ahead) + 1)
  local pace = tonumber(redis.call('GET', KEYS[4]) or '')
  if pace then each = pace + 0.2 * (each - pace) end
  redis.call('SET', KEYS[4], string.format('%.6f', each), 'EX', 86400)
end
return 1
