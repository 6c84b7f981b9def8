"""The tests of `probes/bullmq`."""
