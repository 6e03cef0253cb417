"""Trading: what can be traded on which terms, what happens within a bar, and the books of it."""
