-- What the transcoder cannot do for clients of the old API. Native gRPC passes untouched.

local MODES = { ["mj-fast"] = "fast", ["mj-relax"] = "relax", ["mj-turbo"] = "turbo" }

-- gRPC codes whose old number is not the HTTP status: NOT_FOUND and INVALID_ARGUMENT.
local LEGACY_CODES = { ["5"] = "3", ["3"] = "4" }

local function decoded(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- /mj-fast/mj/... and /mj-fast/... mean /mj/... at that speed. Only Envoy may say which: it beats what the body asks.
local function take_mode(headers)
  headers:remove("x-mj-mode")
  local prefix, rest = headers:get(":path"):match("^/(mj%-%l+)(/.*)$")
  if not MODES[prefix] then return end
  headers:replace("x-mj-mode", MODES[prefix])
  headers:replace(":path", "/mj" .. rest:gsub("^/mj/", "/"))
end

-- A slash at the end means nothing, to the transcoder. The routes of what passes it by know the path without.
local function drop_last_slash(headers)
  local path, query = headers:get(":path"):match("^([^?]*)(.*)$")
  local kept = path:match("^(.*[^/])/+$")
  if kept then headers:replace(":path", kept .. query) end
end

-- EventSource cannot set headers, so a watch, and nothing else, may carry the key as ?api_key=.
-- It leaves the path at once: no log and no other hop sees it.
local function take_key(headers)
  local path, query = headers:get(":path"):match("^(/v1/tasks[^?]*:watch)%?(.*)$")
  if not path then return end
  local key
  local rest = ("&" .. query):gsub("&api_key=([^&]*)", function(value) key = value; return "" end)
  if not key then return end
  headers:replace(":path", rest == "" and path or path .. "?" .. rest:sub(2))
  key = decoded(key)
  -- A header cannot hold anything else, and no key does.
  if key:find("[^\32-\126]") then return end
  if not headers:get("authorization") then headers:replace("mj-api-secret", key) end
end

-- A relay sends GET with the body `null`, which is no message; and fields of a GET body would override the path's.
local function drop_body(handle, headers)
  local method = headers:get(":method")
  local takes_none = method == "GET" or method == "HEAD" or headers:get(":path"):match("^/mj/task/[^/]+/cancel/?$")
  if not takes_none then return end
  local body = handle:body()
  if body and body:length() > 0 then
    body:setBytes("")
    handle:headers():remove("content-length")
  end
end

-- The old API has no query parameters; one that is named as a part of the path would override it.
local function drop_query(headers)
  headers:replace(":path", (headers:get(":path"):gsub("%?.*$", "")))
end

function envoy_on_request(handle)
  local headers = handle:headers()
  take_mode(headers)
  if (headers:get("content-type") or ""):find("^application/grpc") then return end
  headers:remove("content-encoding")  -- no body is unpacked here: a small one could be gigabytes
  drop_last_slash(headers)
  take_key(headers)
  if headers:get(":path"):find("^/mj/") then
    handle:streamInfo():dynamicMetadata():set("midway", "legacy", true)
    drop_query(headers)
  end
  drop_body(handle, headers)
end

local function camel_case(name)
  return (name:gsub("_(%w)", string.upper))
end

-- Of a body that is no message Envoy names the field as the contract does, and counts only some of an array's members.
-- Old clients know the name that they wrote.
local function with_their_names(text)
  text = text:gsub('^({"code":4,"description":")([%w_.%[%]]+)(: invalid value )', function(before, path, after)
    return before .. camel_case(path:gsub("%[%d+%]", "")) .. after
  end)
  return (text:gsub('( for type )([%l%d_]+)("}%s*)$', function(before, name, after)
    return before .. camel_case(name) .. after
  end))
end

-- google.rpc.Status as JSON begins {"code":16,"message":"...; old clients read `description`, and other numbers.
function envoy_on_response(handle)
  local headers = handle:headers()
  local status = headers:get(":status")
  if tonumber(status) < 400 or not (handle:streamInfo():dynamicMetadata():get("midway") or {}).legacy then return end
  local body = handle:body()  -- waits for the whole body; objects taken before it are dead behind it
  if not body then return end
  headers = handle:headers()
  local given = body:getBytes(0, body:length())
  local code, rest = given:match('^{"code":(%d+)(.*)$')
  if not code then return end
  if rest:find('^,"description":') then  -- Envoy's own
    headers:replace("content-length", body:setBytes(with_their_names(given)))
    return
  end
  local said, tail = rest:match('^(,"message":)(.*)$')
  local text = '{"code":' .. (LEGACY_CODES[code] or status) .. ',"description":' .. (said and tail or '""' .. rest)
  headers:replace("content-length", body:setBytes(text))
end
