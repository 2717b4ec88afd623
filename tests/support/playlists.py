"""Texts that libav would follow to other files, and a file that tells whether anybody opened it."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAMED = "named.ts"

PLAYLISTS = {
    "hls": f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\n{NAMED}\n#EXT-X-ENDLIST\n",
    "concat": f"ffconcat version 1.0\nfile {NAMED}\n",
    "dash": "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static' minBufferTime='PT1S'"
    " mediaPresentationDuration='PT1S' profiles='urn:mpeg:dash:profile:isoff-on-demand:2011'><Period><AdaptationSet"
    f" mimeType='video/mp4'><Representation id='0' bandwidth='1'><BaseURL>{NAMED}</BaseURL></Representation>"
    "</AdaptationSet></Period></MPD>",
}


@contextmanager
def watched_file(folder: Path) -> Iterator[list[bool]]:
    """Puts a pipe at `folder / NAMED`; the list it gives holds an item for each time that it was opened to be read."""
    path = folder / NAMED
    os.mkfifo(path)
    opened: list[bool] = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.005):
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))  # ENXIO unless somebody reads
            except OSError:
                continue
            opened.append(True)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield opened
    finally:
        done.set()
        watcher.join()
