"""BullMQ queues as they really are, read without one write, one script or one unbounded read."""
