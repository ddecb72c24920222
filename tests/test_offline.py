"""The local cluster starts on a machine without any network, and without a word about that."""

import warnings

from distributed.comm import inproc

from bigview.build.executor import OnDask


def test_the_local_cluster_starts_offline(monkeypatch):
    def lost() -> str:
        # What Dask does where no route leads to the outside.
        warnings.warn("Couldn't detect a suitable IP address for reaching '8.8.8.8'", RuntimeWarning, stacklevel=2)
        return "127.0.0.1"

    monkeypatch.setattr(inproc.global_manager, "_ip", None)
    monkeypatch.setattr(inproc, "get_ip", lost)
    with OnDask(None) as executor:
        assert [result for _, result in executor.run(abs, [(-3,)])] == [3]
