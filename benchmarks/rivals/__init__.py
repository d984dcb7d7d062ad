"""Arsenal beside its peers: every rival in one run, interleaved, on the same cores and data."""
