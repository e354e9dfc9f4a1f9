-- Who may come in at all, and with how large a body. Decided on the headers alone: of a stranger's body nothing is kept.
--
-- The server has the last word on keys. Here it only counts whether one was brought, so that this file holds none.
-- How large a body may be stands in the route's `filter_context`.

local HEALTH_CHECK = "/grpc.health.v1.Health/Check"  -- probes have no key; Health/Watch would stay open for nothing
local FOREIGN = { ["cross-site"] = true, ["same-site"] = true }  -- another port of this machine is the same site

-- 127.0.0.1:8080, localhost, [::1]:8080
local function is_loopback(host)
  local name = host:lower():gsub(":%d+$", "")
  return name == "localhost" or name == "[::1]" or name:find("^127%.%d+%.%d+%.%d+$") ~= nil
end

-- Without keys whoever reaches this listener may do everything. So does a browser on this machine, for any page it
-- shows: by a request that needs no preflight (it names the page's Origin), or after the page's own name was made to
-- point here (the Host is that name).
-- A picture or a link of a foreign page names no Origin; browsers then say whose page it is by Sec-Fetch-Site.
local function is_from_this_machine(headers)
  if not is_loopback(headers:get(":authority") or "") then return false end
  if FOREIGN[headers:get("sec-fetch-site") or ""] then return false end
  local origin = headers:get("origin")
  return not origin or is_loopback(origin:match("^https?://(.*)$") or "")
end

local function brings(headers, name)
  return (headers:get(name) or "") ~= ""
end

-- What cannot set headers brings it in the query: EventSource its key, a link to a picture its signature.
local function brings_in_query(headers)
  local method = headers:get(":method")
  if method ~= "GET" and method ~= "HEAD" then return false end
  local path, query = headers:get(":path"):match("^([^?]*)%?(.*)$")
  if not path then return false end
  return path:find("^/v1/tasks.*:watch$") and ("&" .. query):find("&api_key=[^&]")
    or path:find("^/v1/tasks/.*/image/*$") and ("&" .. query):find("&signature=[^&]")
end

local function may_have_key(headers)
  return brings(headers, "authorization") or brings(headers, "mj-api-secret") or brings_in_query(headers)
    or headers:get(":path") == HEALTH_CHECK
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local metadata = handle:streamInfo():dynamicMetadata()
  local is_grpc = (metadata:get("midway") or {}).is_grpc  -- by paths.lua
  local route = handle:filterContext()
  if route:get("needs_key") then
    if not may_have_key(headers) then
      handle:respond({[":status"] = "401"}, "no API key in authorization or mj-api-secret")
    end
  elseif not is_from_this_machine(headers) then
    handle:respond({[":status"] = "403"}, "without API keys only this machine may call: by a loopback address, and from no other site's page")
  end
  if not is_grpc and tonumber(headers:get("content-length") or 0) > route:get("max_body_bytes") then
    handle:respond({[":status"] = "413"}, "Payload Too Large")
  end
  metadata:set("midway", "max_body_bytes", route:get("max_body_bytes"))
  metadata:set("midway", "max_json_elements", route:get("max_json_elements"))
end
