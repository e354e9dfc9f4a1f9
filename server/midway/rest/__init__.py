"""What REST answers as bytes of its own, past Envoy's transcoder: pictures, events, and the reads of the old API."""
