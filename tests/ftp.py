"""A real FTP server on loopback, with TLS, whose user is a camera: pyftpdlib, where it is here."""

import threading
from contextlib import contextmanager
from pathlib import Path

from tests.mailboxes import certificate

PASSWORD = "key-of-the-camera"


@contextmanager
def ftps(folder: Path, home: Path):
    """Lets CamA write into `home` over TLS alone; gives (host, port)."""
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import TLS_FTPHandler
    from pyftpdlib.servers import FTPServer

    authorizer = DummyAuthorizer()
    authorizer.add_user("CamA", PASSWORD, str(home), perm="elmw")
    cert, key = certificate(folder)
    about = {"authorizer": authorizer, "certfile": cert, "keyfile": key, "ssl_context": None}
    about |= {"tls_control_required": True, "tls_data_required": True}
    server = FTPServer(("127.0.0.1", 0), type("Handler", (TLS_FTPHandler,), about))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.address
    finally:
        server.close_all()
