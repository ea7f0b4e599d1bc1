"""How hard mmpipe tries: breaker, retry with a budget, deadline. Pure policy, with the clock injected.

Whoever makes a call (adapters, runtimes) wraps it in these; nothing here knows gRPC, a store or a queue, and nothing
here decides what an error means: callers say which errors are transient and which speak against a dependency.
``docs/resilience.md`` says what is retried where.
"""
