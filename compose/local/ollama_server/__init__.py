"""A small server with Ollama's HTTP API for the embedded run, where the user has no Ollama.

One GGUF model, llama.cpp (from the package `xllamacpp`) as the engine, real tokens and real counts, no network.
README.md in this folder says what is served, and what differs from Ollama.
"""
