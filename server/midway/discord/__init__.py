"""The client for Discord and Midjourney's bot. Independent of Tasks and the Store."""
