"""Benchmarks: Midway compared with the bare components it is made of, both measured in the same run."""
