-- What the transcoder cannot do for clients of the old API. Native gRPC passes untouched.

local MODES = { ["mj-fast"] = "fast", ["mj-relax"] = "relax", ["mj-turbo"] = "turbo" }

-- gRPC codes whose old number is not the HTTP status: NOT_FOUND and INVALID_ARGUMENT.
local LEGACY_CODES = { ["5"] = "3", ["3"] = "4" }

local function camel_case(name)
  return (name:gsub("_(%w)", string.upper))
end

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

-- Of an array where one value is meant Envoy names nothing, so a small body is looked at before.
local MOST_BYTES = 1048576
local SINGLE = {
  prompt = true, base64 = true, link = true, botType = true, language = true, dimensions = true, action = true,
  content = true, customId = true, enableRemix = true, maskBase64 = true, jobId = true, notifyHook = true,
  accountFilter = true, instanceId = true, remix = true, nijiRemix = true, remixAutoConsidered = true, remark = true,
}

local function wrong_array(handle)
  local body = handle:body()
  if not body or body:length() > MOST_BYTES then return "" end
  for name in body:getBytes(0, body:length()):gmatch('"([%w_]+)"%s*:%s*%[') do
    if SINGLE[camel_case(name)] then return camel_case(name) end
  end
  return ""
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
  local is_submit = headers:get(":path"):find("^/mj/submit/")
  drop_body(handle, headers)
  if not is_submit then return end
  local array = wrong_array(handle)  -- waits for the body; objects taken before it are dead behind it
  handle:streamInfo():dynamicMetadata():set("midway", "array", array)
end

-- Of a body that is no message Envoy names the field as the contract does, and counts only some of an array's members.
-- Old clients know the name that they wrote.
local function with_their_names(text, array)
  text = text:gsub('^({"code":4,"description":")([%w_.%[%]]+)(: )', function(before, path, after)
    return before .. camel_case(path:gsub("%[%d+%]", "")) .. after
  end)
  text = text:gsub('^({"code":4,"description":")([%w.]*)(: Proto field is not repeating)', function(before, path, after)
    return before .. path .. (path ~= "" and array ~= "" and "." or "") .. array .. after
  end)
  text = text:gsub("oneof field '_([%l%d_]+)' is already set. Cannot set '[%w_]+' for type oneof", function(name)
    return camel_case(name) .. " is there twice"
  end)
  return (text:gsub('( for type )([%l%d_]+)("}%s*)$', function(before, name, after)
    return before .. camel_case(name) .. after
  end))
end

-- google.rpc.Status as JSON begins {"code":16,"message":"...; old clients read `description`, and other numbers.
function envoy_on_response(handle)
  local headers = handle:headers()
  local status = headers:get(":status")
  local request = handle:streamInfo():dynamicMetadata():get("midway") or {}
  if tonumber(status) < 400 or not request.legacy then return end
  local body = handle:body()  -- waits for the whole body; objects taken before it are dead behind it
  if not body then return end
  headers = handle:headers()
  local given = body:getBytes(0, body:length())
  local code, rest = given:match('^{"code":(%d+)(.*)$')
  if not code then return end
  if rest:find('^,"description":') then  -- Envoy's own
    headers:replace("content-length", body:setBytes(with_their_names(given, request.array or "")))
    return
  end
  local said, tail = rest:match('^(,"message":)(.*)$')
  local text = '{"code":' .. (LEGACY_CODES[code] or status) .. ',"description":' .. (said and tail or '""' .. rest)
  headers:replace("content-length", body:setBytes(text))
end
