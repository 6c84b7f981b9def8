"""Facts and limits → ruling. Pure: no I/O, no clock, no pytest."""
