"""What every test relies on."""

import signal

import pytest


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_interrupts():
    """Let SIGINT interrupt, as in a terminal: a process that was started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
