"""The composition root: loads workers, runs them, serves them. Plugin authors import
`runtime.plugins`; everything with an underscore is this package's own."""
