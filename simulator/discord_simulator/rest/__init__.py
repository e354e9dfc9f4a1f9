"""Discord's REST API, as far as clients of the Midjourney bot use it."""
