"""`python -m pbnn` is `pbnn`."""

from pbnn.cli import main

if __name__ == "__main__":
    main()
