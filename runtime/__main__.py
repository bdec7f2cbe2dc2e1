"""`python -m runtime`, the same as the command `runtime`."""

from runtime._cli import main

if __name__ == "__main__":
    main()
