-- Does for clients of the old API what the transcoder cannot. Native gRPC passes untouched.

-- gRPC codes whose number in the old API is not the HTTP status: NOT_FOUND and INVALID_ARGUMENT.
local LEGACY_CODES = { ["5"] = "3", ["3"] = "4" }

local function camel_case(name)
  return (name:gsub("_(%w)", string.upper))
end

local function decoded(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- EventSource cannot set headers, so a watch, and nothing else, may carry the key as ?api_key=.
-- The key is removed from the path at once, so that no log and no other hop sees it.
local function take_key(headers)
  local path, query = headers:get(":path"):match("^(/v1/tasks[^?]*:watch)%?(.*)$")
  if not path then return end
  local key
  local rest = ("&" .. query):gsub("&api_key=([^&]*)", function(value) key = value; return "" end)
  if not key then return end
  headers:replace(":path", rest == "" and path or path .. "?" .. rest:sub(2))
  key = decoded(key)
  -- A header can hold no other characters, and no key has any.
  if key:find("[^\32-\126]") then return end
  if not headers:get("authorization") then headers:replace("mj-api-secret", key) end
end

-- Counts the characters beyond ASCII; nil if the text is not UTF-8, which no protobuf string may contain.
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

-- A relay sends GET with the body `null`, which is not a message. Also, fields of a GET body would override the path's.
local function takes_no_body(headers)
  local method = headers:get(":method")
  return method == "GET" or method == "HEAD" or headers:get(":path"):find("^/mj/task/[^/]+/cancel$")
end

-- Drops the body piece by piece and keeps nothing, however long it is.
local function drop_body(handle)
  handle:headers():remove("content-length")
  for chunk in handle:bodyChunks() do
    chunk:setBytes("")
  end
end

-- Envoy's error does not name a field that has an array instead of a single value. So the beginning of the body is
-- searched for one.
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

-- Adds a piece of JSON to the body's counts: all bytes, bytes outside strings, and elements. Strings are skipped from
-- quote to quote, because pictures are strings. The transcoder also accepts strings in apostrophes; after the first
-- apostrophe nothing counts as a string, because such a string may contain a quote.
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

-- The transcoder parses incomplete values again from their beginning, except strings. So their total size is limited.
local BYTES_OF_ELEMENT = 16
-- Characters beyond ASCII occur in prompts, not in pictures; checking millions of them takes seconds.
local MOST_LETTERS = 65536

local function too_much(body, limits)
  if body.bytes > limits.max_body_bytes or body.letters > MOST_LETTERS then return "bytes" end
  local most = limits.max_json_elements
  if body.is_garbled then return "garbled" end
  return (body.elements > most or body.between > most * BYTES_OF_ELEMENT) and "elements"
end

-- Returns text that cannot continue the JSON here, wherever it stops. Other invalid text could make the transcoder wait
-- for more.
local function nonsense(body)
  return (body.is_escaped and "n" or "") .. (body.in_text and '"' or "") .. ("["):rep(128)
end

-- Returns the next piece of a body without an incomplete character at its end, which is added to the next piece. The
-- transcoder keeps everything after a byte that is not UTF-8, and checks it again with each piece.
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

-- Checks the pieces of a body as they pass and stores none. If the body exceeds a limit, the rest is replaced by
-- nonsense, at which the transcoder ends the request. envoy.yaml has the answers for that.
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

-- The old API has no query parameters; one with the name of a path parameter would override it.
local function drop_query(headers)
  headers:replace(":path", (headers:get(":path"):gsub("%?.*$", "")))
end

function envoy_on_request(handle)
  local headers = handle:headers()
  if (handle:streamInfo():dynamicMetadata():get("midway") or {}).is_grpc then return end  -- by paths.lua
  headers:remove("content-encoding")  -- bodies are not decompressed: a small one could be gigabytes
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
  elseif not path:find("^/mj/task/") then  -- the server reads these bodies itself
    watch_body(handle, path:find("^/mj/submit/"))
  end
end

-- If a body does not fit the message, Envoy's error names the field as in the contract, and indexes only some array
-- members. This replaces the names by those that old clients know.
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

-- google.rpc.Status as JSON begins {"code":16,"message":"...; old clients read `description`, and different codes.
function envoy_on_response(handle)
  local headers = handle:headers()
  local status = headers:get(":status")
  local request = handle:streamInfo():dynamicMetadata():get("midway") or {}
  if tonumber(status) < 400 or not request.legacy then return end
  local body = handle:body()  -- waits for the whole body; objects obtained before are invalid afterwards
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
