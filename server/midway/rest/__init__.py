"""The server's plain HTTP, past Envoy's transcoder: pictures, events, and the reads of the old API."""
