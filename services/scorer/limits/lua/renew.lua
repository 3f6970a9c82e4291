-- Renews all that each living request holds. What has run out already stays gone.
-- KEYS: all inside, the local queue
-- ARGV: now (microseconds, or ""), lease (milliseconds), prefix of slots, prefix of requests, request ids ...
local now = tonumber(ARGV[1])
if not now then
  local t = redis.call('TIME')
  now = t[1] * 1000000 + t[2]
end
local lease = tonumber(ARGV[2])
local until_ms = math.floor(now / 1000) + lease
for i = 5, #ARGV do
  local id, request = ARGV[i], ARGV[4] .. ARGV[i]
  local key, flight = unpack(redis.call('HMGET', request, 'key', 'flight'))
  if key then
    redis.call('PEXPIRE', request, lease)
    redis.call('ZADD', ARGV[3] .. key, 'XX', until_ms, id)
    redis.call('PEXPIRE', ARGV[3] .. key, lease * 2)
    redis.call('ZADD', KEYS[1], 'XX', until_ms, id)
    redis.call('ZADD', KEYS[2], 'XX', until_ms, id)
    if flight and redis.call('GET', flight) == id then redis.call('PEXPIRE', flight, lease) end
  end
end
