"""Discord and the Midjourney bot, over real HTTP, WebSocket and CDN, in one local process.

Imports nothing from Midway: any client of Discord can be pointed at it.
"""
