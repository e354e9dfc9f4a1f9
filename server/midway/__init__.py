"""Midway: a self-hosted gRPC service for making pictures with Midjourney on Discord."""

__version__ = "0.1.0"
