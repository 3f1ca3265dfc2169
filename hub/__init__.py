"""The world around the rules: sockets, Redis, SQL, media and pages."""
