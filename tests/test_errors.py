import logging

from pbnn.errors import quiet


def test_a_logger_is_quiet_for_a_while(caplog):
    log = logging.getLogger("pbnn.test")
    log.setLevel(logging.INFO)
    with quiet("pbnn.test"):
        log.info("chatter")
        log.warning("trouble")
    log.info("afterwards")
    assert caplog.messages == ["trouble", "afterwards"]
