"""The server's plain HTTP, which bypasses Envoy's transcoder: pictures, events, lists of Tasks, the old API's reads."""
