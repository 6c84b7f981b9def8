"""The product as a process, on no other servers than those that come with it."""
