"""From a dataset specification to committed shards."""
