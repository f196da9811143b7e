"""A second, independent reader and writer of the sarsen repository format.

Written from docs/FORMAT.md alone; section numbers in comments are of that document.
"""
