"""One list: from the question to typed batches, a frame or a file, and on after an interruption."""
