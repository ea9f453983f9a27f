"""Options, names and values as a person types them, in a cell or in a shell."""
