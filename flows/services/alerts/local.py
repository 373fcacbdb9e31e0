"""Channels on this machine or by other programs: e-mail, a command, apprise."""

import json
import shlex
import smtplib
import ssl
import subprocess
from email.message import EmailMessage
from typing import Any

from flows.services.alerts.outcome import Outcome, later, refused, sent
from pipeline.alerts.channels import Channel

TEMPORARY = 75  # as sysexits.h has it: a command that may succeed later


def email(
    channel: Channel, subject: str, text: str, picture: bytes | None, password: str, name: str
) -> Outcome:
    """By SMTP. The Message-ID is the same for the same alert: a repetition is told by it."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = channel.sender, channel.to, subject
    message["Message-ID"] = f"<{name}@camtriage>"
    message.set_content(text)
    if picture is not None:
        message.add_attachment(picture, maintype="image", subtype="jpeg", filename="alert.jpg")
    host, _, port = channel.server.partition(":")
    try:
        with _server(channel, host, int(port or 587)) as server:
            if channel.user:
                server.login(channel.user, password)
            server.send_message(message)
    except smtplib.SMTPResponseException as why:
        return _of_code(why.smtp_code, why.smtp_error)
    except smtplib.SMTPRecipientsRefused as why:
        return _of_code(*next(iter(why.recipients.values())))
    except (smtplib.SMTPException, OSError) as why:
        return later(f"not reached: {why}")
    except ValueError as why:  # a port or an address that is none
        return refused(str(why))
    return sent(name)


def _server(channel: Channel, host: str, port: int) -> smtplib.SMTP:
    if channel.tls == "tls":
        whom = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, port, timeout=channel.timeout_s, context=whom)
    server = smtplib.SMTP(host, port, timeout=channel.timeout_s)
    try:
        if channel.tls == "starttls":
            server.starttls(context=ssl.create_default_context())
    except BaseException:
        server.close()
        raise
    return server


def _of_code(code: int, said: bytes | str) -> Outcome:
    """4xx passes; 535 and 530 are a password that may be put right; other 5xx never pass."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    words = f"{code} {text}"
    return later(words) if code < 500 or code in (530, 535) else refused(words)


def command(channel: Channel, body: dict[str, Any]) -> Outcome:
    """A program of this machine with the alert as JSON on its standard input. Exit code 0: it was
    told; 75: try again; any other: never."""
    try:
        words = shlex.split(channel.to)
        done = subprocess.run(
            words,
            input=json.dumps(body, sort_keys=True).encode(),
            capture_output=True,
            timeout=channel.timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return later(f"no end within {channel.timeout_s} s")
    except (OSError, ValueError) as why:
        return later(f"cannot be started: {why}")
    said = done.stderr.decode("utf-8", "replace") or done.stdout.decode("utf-8", "replace")
    words_of_it = f"exit code {done.returncode}: {said}"
    if done.returncode == 0:
        return sent()
    return later(words_of_it) if done.returncode == TEMPORARY else refused(words_of_it)


def by_apprise(subject: str, text: str, address: str) -> Outcome:
    """Any service that apprise knows (Signal, Matrix, SMS, ...); it says no more than yes or no."""
    import apprise

    told = apprise.Apprise()
    if not told.add(address):
        return refused("apprise does not know an address like the one that the secret holds")
    if told.notify(title=subject, body=text):
        return sent()
    return later("apprise could not send it")
