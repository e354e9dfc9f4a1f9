-- Normalises the path and recognises native gRPC. This comes before everything else, because a script uses the route
-- that was selected before it started.

local MODES = { ["mj-fast"] = "fast", ["mj-relax"] = "relax", ["mj-turbo"] = "turbo" }

-- /mj-fast/mj/... and /mj-fast/... mean /mj/... at that speed. Only Envoy may set the header: it takes precedence over
-- the body.
local function take_mode(headers)
  headers:remove("x-mj-mode")
  local prefix, rest = headers:get(":path"):match("^/(mj%-%l+)(/.*)$")
  if not MODES[prefix] then return end
  headers:replace("x-mj-mode", MODES[prefix])
  headers:replace(":path", "/mj" .. rest:gsub("^/mj/", "/"))
end

-- The transcoder ignores a slash at the end. The routes match the path without it.
local function drop_last_slash(headers)
  local path, query = headers:get(":path"):match("^([^?]*)(.*)$")
  local kept = path:match("^(.*[^/])/+$")
  if kept then headers:replace(":path", kept .. query) end
end

-- Native gRPC passes untouched; every other body is checked. The transcoder lets exactly these types pass (no grpc-web,
-- nothing after a semicolon) and transcodes the rest. Several such headers arrive as one, joined by commas. Only a
-- gRPC path has a package name with a dot: requests to the server's plain HTTP are never gRPC.
local function is_grpc(headers)
  local kind = headers:get("content-type") or ""
  return (kind == "application/grpc" or kind:find("^application/grpc%+") ~= nil)
    and headers:get(":path"):find("^/[%w_]+%.[%w_.]+/") ~= nil
end

-- The later scripts read this from the metadata; if it is missing, the request is not gRPC.
function envoy_on_request(handle)
  local headers = handle:headers()
  take_mode(headers)
  if is_grpc(headers) then
    handle:streamInfo():dynamicMetadata():set("midway", "is_grpc", true)
  else
    drop_last_slash(headers)
  end
end
