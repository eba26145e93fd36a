"""A package, so that its fixtures end with its last test: while Playwright runs, no other test can
run an asyncio loop."""
