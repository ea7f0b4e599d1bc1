"""What is there and what happens: kopf's watch of pipelines, our own of what they own, and what is known from both."""
