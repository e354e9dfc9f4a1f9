"""What Midway costs over the bare parts it is made of, both measured in the same run."""
