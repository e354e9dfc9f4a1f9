"""The server's plain HTTP, past Envoy's transcoder: pictures, events, lists of Tasks, and the reads of the old API."""
