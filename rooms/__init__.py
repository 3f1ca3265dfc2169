"""The rules of a Pavilion room, free of I/O.

Nothing here touches the network, a clock, randomness or the process: time and
ids come in as arguments, decisions come out as values. The standard library and
msgspec are all it may import; ``tests/test_architecture.py`` enforces that.
"""
