-- Decides from the headers alone who may call, and how large the body may be. Nothing of a stranger's body is stored.
--
-- The server decides whether a key is valid. This file only checks that there is one, so it contains no keys.
-- The route's `filter_context` gives the maximum size of the body.

local HEALTH_CHECK = "/grpc.health.v1.Health/Check"  -- health checks have no key; Health/Watch would stay open
local FOREIGN = { ["cross-site"] = true, ["same-site"] = true }  -- another port of this machine is the same site

-- 127.0.0.1:8080, localhost, [::1]:8080
local function is_loopback(host)
  local name = host:lower():gsub(":%d+$", "")
  return name == "localhost" or name == "[::1]" or name:find("^127%.%d+%.%d+%.%d+$") ~= nil
end

-- Without keys anybody who reaches this listener may do everything. A browser on this machine can reach it for any page
-- it shows: with a request that needs no preflight (it names the page's Origin), or after the page's own host name was
-- made to point here (the Host is that name).
-- A picture or a link on a page of another site names no Origin; Sec-Fetch-Site then says whose page it is.
local function is_from_this_machine(headers)
  if not is_loopback(headers:get(":authority") or "") then return false end
  if FOREIGN[headers:get("sec-fetch-site") or ""] then return false end
  local origin = headers:get("origin")
  return not origin or is_loopback(origin:match("^https?://(.*)$") or "")
end

local function brings(headers, name)
  return (headers:get(name) or "") ~= ""
end

-- Clients that cannot set headers use the query: EventSource for its key, a link to a picture for its signature.
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
