-- One spelling for each path, and which requests are native gRPC, before anything else: a script sees the route that
-- there was when it began.

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

-- What is native gRPC passes untouched; everything else is a body to be looked at. The transcoder passes by just these
-- types (not grpc-web, and nothing behind a semicolon) and transcodes the rest. Several such headers come as one, joined
-- by commas. Only a gRPC path has a package, with its dot: what goes to the server's plain HTTP is never gRPC.
local function is_grpc(headers)
  local kind = headers:get("content-type") or ""
  return (kind == "application/grpc" or kind:find("^application/grpc%+") ~= nil)
    and headers:get(":path"):find("^/[%w_]+%.[%w_.]+/") ~= nil
end

-- The scripts behind read it from the metadata; where nothing stands there, it is none.
function envoy_on_request(handle)
  local headers = handle:headers()
  take_mode(headers)
  if is_grpc(headers) then
    handle:streamInfo():dynamicMetadata():set("midway", "is_grpc", true)
  else
    drop_last_slash(headers)
  end
end
