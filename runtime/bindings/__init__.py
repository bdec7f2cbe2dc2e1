"""The built-in binding kinds: one module or folder each, found by its being here."""
