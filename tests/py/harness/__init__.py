"""The servers that the tests run against: a container with PostgreSQL 15, the embedded
PostgreSQL 18, older ones from npm, or one's own, all behind `harness.server.Server`."""
