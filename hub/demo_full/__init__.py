"""The invented fair of ``pavilion demo``: small by default, of 100,000 people with ``--full``.

``names``, ``places`` and ``trades`` are tables, ``invent`` draws from them (the same seed gives
the same fair), ``write`` brings it into the database through the code of the imports.
"""
