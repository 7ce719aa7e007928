"""Use cases over ports: evaluate, decide, approve, respond, undo. No cloud, no chat, no clock of its own."""
