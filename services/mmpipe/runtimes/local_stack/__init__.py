"""The whole pipeline as processes of one machine: the development loop, and what integration tests run against.

``plan`` says which processes there are and how each is started (pure); ``readiness`` asks whether one answers;
``supervisor`` starts them in order, starts again what dies, and stops them in the other order. What each process does
is its own command's; nothing here knows a sample.
"""
