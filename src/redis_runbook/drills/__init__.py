"""Faults that are made on throwaway servers, to see that the checks notice exactly them."""
