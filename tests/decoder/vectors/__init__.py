"""One module for each file of tests/vectors: the cases that a writer must emit and a reader must take,
and the bytes that a reader must reject.
"""
