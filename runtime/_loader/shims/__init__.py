"""What worker code sees as `js`, `pyodide`, `pyodide.ffi` and `pyodide.http`.

Python modules under the names that only a JavaScript engine has elsewhere, for source written for
Pyodide; nothing else imports them. They know the `workers` API alone.
"""
