-- One spelling for each path, before anything else: a script sees the route that there was when it began.

local MODES = { ["mj-fast"] = "fast", ["mj-relax"] = "relax", ["mj-turbo"] = "turbo" }

-- /mj-fast/mj/... and /mj-fast/... mean /mj/... at that speed. Only Envoy may say which: it beats what the body asks.
local function take_mode(headers)
  headers:remove("x-mj-mode")
  local prefix, rest = headers:get(":path"):match("^/(mj%-%l+)(/.*)$")
  if not MODES[prefix] then return end
  headers:replace("x-mj-mode", MODES[prefix])
  headers:replace(":path", "/mj" .. rest:gsub("^/mj/", "/"))
end

-- A slash at the end means nothing, to the transcoder. The routes know the path without.
local function drop_last_slash(headers)
  local path, query = headers:get(":path"):match("^([^?]*)(.*)$")
  local kept = path:match("^(.*[^/])/+$")
  if kept then headers:replace(":path", kept .. query) end
end

function envoy_on_request(handle)
  local headers = handle:headers()
  take_mode(headers)
  if not (headers:get("content-type") or ""):find("^application/grpc") then drop_last_slash(headers) end
end
