"""The Midjourney and niji・journey bots: prompts in, job messages and pictures out.

`bot.MidjourneyBot` is the entry point; it acts on the world only through the methods of `world.World`.
"""
