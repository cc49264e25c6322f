"""A fleet's recordings worked through, on this machine or on a cluster, and reported on."""
