-- What the transcoder cannot do for clients of the old API. Native gRPC passes untouched.

-- gRPC codes whose old number is not the HTTP status: NOT_FOUND and INVALID_ARGUMENT.
local LEGACY_CODES = { ["5"] = "3", ["3"] = "4" }

local function camel_case(name)
  return (name:gsub("_(%w)", string.upper))
end

local function decoded(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
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

-- How many letters beyond ASCII there are; nil where text is no UTF-8: a message takes nothing else.
local function letters_beyond_ascii(text)
  local count = 0
  local from = text:find("[\128-\255]")
  while from do
    count = count + 1
    local letter = text:match("^[\194-\223][\128-\191]", from)
      or text:match("^\224[\160-\191][\128-\191]", from)
      or text:match("^[\225-\236\238\239][\128-\191][\128-\191]", from)
      or text:match("^\237[\128-\159][\128-\191]", from)
      or text:match("^\240[\144-\191][\128-\191][\128-\191]", from)
      or text:match("^[\241-\243][\128-\191][\128-\191][\128-\191]", from)
      or text:match("^\244[\128-\143][\128-\191][\128-\191]", from)
    if not letter then return nil end
    from = text:find("[\128-\255]", from + #letter)
  end
  return count
end

-- A relay sends GET with the body `null`, which is no message; and fields of a GET body would override the path's.
local function takes_no_body(headers)
  local method = headers:get(":method")
  return method == "GET" or method == "HEAD" or headers:get(":path"):find("^/mj/task/[^/]+/cancel$")
end

-- Nothing of it is kept, however long it is.
local function drop_body(handle)
  handle:headers():remove("content-length")
  for chunk in handle:bodyChunks() do
    chunk:setBytes("")
  end
end

-- Of an array where one value is meant Envoy names nothing, so the body's beginning is looked at before.
local MOST_BYTES = 1048576
local LONGEST_NAME = 64
local SINGLE = {
  prompt = true, base64 = true, link = true, botType = true, language = true, dimensions = true, action = true,
  content = true, customId = true, enableRemix = true, maskBase64 = true, jobId = true, notifyHook = true,
  accountFilter = true, instanceId = true, remix = true, nijiRemix = true, remixAutoConsidered = true, remark = true,
}

local function wrong_array(text)
  for name in text:gmatch('"([%w_]+)"%s*:%s*%[') do
    if SINGLE[camel_case(name)] then return camel_case(name) end
  end
end

-- What a piece of JSON adds to the body's counts: bytes, those between texts, and elements there. Texts are passed over
-- from quote to quote, since pictures are texts. The transcoder takes texts in apostrophes as well; behind the first
-- one nothing counts as text, as a quote may stand in it.
local function count(body, text)
  body.bytes = body.bytes + #text
  local from = 1
  while from <= #text do
    local quote = text:find('"', from, true)
    if body.in_text then
      local last = quote or #text + 1
      local slash = last
      while slash > from and text:byte(slash - 1) == 92 do slash = slash - 1 end
      local is_escaped = ((last - slash + (slash == from and body.is_escaped and 1 or 0)) % 2) == 1
      body.is_escaped = is_escaped and not quote
      body.in_text = is_escaped or not quote
    else
      if body.is_loose or text:sub(from, (quote or #text + 1) - 1):find("'", 1, true) then
        body.is_loose, quote = true, nil
      end
      local between = text:sub(from, (quote or #text + 1) - 1)
      body.between = body.between + #between
      body.elements = body.elements + select(2, between:gsub(",", ""))
      body.in_text = quote ~= nil
    end
    from = (quote or #text) + 1
  end
end

-- The transcoder reads again from its beginning what it has no end of yet, except texts: so there may be little of it.
local BYTES_OF_ELEMENT = 16
-- Letters beyond ASCII are in prompts, not in pictures; to look at each of millions takes seconds.
local MOST_LETTERS = 65536

local function too_much(body, limits)
  if body.bytes > limits.max_body_bytes or body.letters > MOST_LETTERS then return "bytes" end
  local most = limits.max_json_elements
  if body.is_garbled then return "garbled" end
  return (body.elements > most or body.between > most * BYTES_OF_ELEMENT) and "elements"
end

-- What no JSON goes on with, wherever the body stands: behind anything else the transcoder waits for more of it.
local function nonsense(body)
  return (body.is_escaped and "n" or "") .. (body.in_text and '"' or "") .. ("["):rep(128)
end

-- The next piece of a body, without a letter that is there by half: it comes with the next one. What follows a byte that
-- is no UTF-8 the transcoder keeps, and looks at anew with each piece.
local function whole_letters(body, chunk)
  local given = chunk:getBytes(0, chunk:length())
  local text = body.half_letter .. given
  body.half_letter = text:sub(-3):match("[\194-\244][\128-\191]?[\128-\191]?$") or ""
  text = text:sub(1, #text - #body.half_letter)
  if text ~= given then chunk:setBytes(text) end
  local letters = letters_beyond_ascii(text)
  body.letters = body.letters + (letters or 0)
  body.is_garbled = body.is_garbled or not letters
  return text
end

-- Looks at the pieces of a body as they pass: nothing is kept here. Where it is too much it goes on with nonsense, at
-- which the transcoder ends the request; what is said then stands in envoy.yaml.
local function watch_body(handle, is_submit)
  local limits = handle:streamInfo():dynamicMetadata():get("midway")
  local body = { bytes = 0, between = 0, elements = 0, letters = 0, in_text = false, is_escaped = false }
  body.half_letter = ""
  local before, found = "", nil
  for chunk in handle:bodyChunks() do
    local end_of_it = nonsense(body)
    local text = whole_letters(body, chunk)
    count(body, text)
    local what = too_much(body, limits)
    if what then
      handle:streamInfo():dynamicMetadata():set("midway", "too_much", what)
      chunk:setBytes(end_of_it)
    elseif is_submit and not found and body.bytes <= MOST_BYTES then
      found = wrong_array(before .. text)
      if found then handle:streamInfo():dynamicMetadata():set("midway", "array", found) end
      before = text:sub(-LONGEST_NAME)
    end
  end
end

-- The old API has no query parameters; one that is named as a part of the path would override it.
local function drop_query(headers)
  headers:replace(":path", (headers:get(":path"):gsub("%?.*$", "")))
end

function envoy_on_request(handle)
  local headers = handle:headers()
  if (handle:streamInfo():dynamicMetadata():get("midway") or {}).is_grpc then return end  -- by paths.lua
  headers:remove("content-encoding")  -- no body is unpacked here: a small one could be gigabytes
  take_key(headers)
  local path = headers:get(":path")
  if path:find("^/mj/") then
    handle:streamInfo():dynamicMetadata():set("midway", "legacy", true)
    drop_query(headers)
  end
  if not letters_beyond_ascii(decoded(path)) then
    handle:respond({[":status"] = "400"}, "the path: is no UTF-8 text")
  end
  if takes_no_body(headers) then
    drop_body(handle)
  elseif not path:find("^/mj/task/") then  -- whose bodies the server reads itself
    watch_body(handle, path:find("^/mj/submit/"))
  end
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
