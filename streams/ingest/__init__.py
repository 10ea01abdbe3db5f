"""Foreign records become canonical events: one declarative file per source, and a pure mapping that follows it."""
