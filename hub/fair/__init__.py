"""What SQL keeps: rooms as configured, web sessions, sign-in links.

SQLite in ``data_dir`` by default, PostgreSQL by ``database.url``. ``migrate`` brings the
tables up to date; it is called once, before any hub starts.
"""

from hub.fair.directory import SqlDirectory, open_fair
from hub.fair.migrate import migrate

__all__ = ["SqlDirectory", "migrate", "open_fair"]
