"""A sign-in and a sign-out that are killed at every line of what keeps profiles: the old one or the new, no rest."""

import os
import signal
import sys
from collections.abc import Callable

import pytest

from b24data import AuthorizationRequiredError, B24OAuthParams, B24OAuthSecret, Sandbox
from b24data.auth.profiles import Profile, Profiles
from b24data.client.connect import connect_by

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forks of its own")

HOOK = "https://acme.bitrix24.com/rest/1/" + "q7w2k9x4" + "m1p8z3v6/"
TRACED = ("atomic.py", "profiles.py", "shelf.py", "store.py", "locks.py")


def application(number: int) -> tuple[Profile, B24OAuthParams]:
    portal = f"portal-{number}.bitrix24.com"
    pair = {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}", "domain": portal}
    secret = B24OAuthSecret(f"app.{number}", f"secret-{number}")
    return Profile(name="acme", portal=portal, secret=secret), B24OAuthParams.of(pair)


def webhook() -> tuple[Profile, None]:
    return Profile(name="acme", portal="acme.bitrix24.com", webhook=HOOK), None


SECRETS = ["access-1", "refresh-1", "secret-1", "access-2", "refresh-2", "secret-2", HOOK[33:49]]


def held(profiles: Profiles) -> list[str]:
    """The secrets that are in any file of the folder, whatever it is called."""
    texts = [file.read_text(errors="replace") for file in profiles.folder.iterdir() if file.is_file()]
    return [secret for secret in SECRETS if any(secret in text for text in texts)]


def killed_at(line: int, work: Callable[[], None]) -> bool:
    """Whether a fork that does ``work`` got to that line of what keeps profiles, and died there."""
    pid = os.fork()
    if pid == 0:
        left = line

        def trace(frame, event, _):
            nonlocal left
            if not frame.f_code.co_filename.endswith(TRACED):
                return None
            if event == "line":
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0


WAYS = {"application": lambda: application(2), "webhook": webhook}


@pytest.mark.parametrize("before", ["application", "webhook"])
@pytest.mark.parametrize("after", WAYS)
def test_a_sign_in_that_is_killed__leaves_the_old_profile_or_the_new_one(tmp_path, before, after):
    line, kills = 0, 0
    old, new = application(1) if before == "application" else webhook(), WAYS[after]()
    while True:
        profiles = Profiles(tmp_path / str(line))
        profiles.save(*old)
        was_killed = killed_at(line, lambda: profiles.save(*new))  # noqa: B023
        profile, stored = profiles.load("acme"), profiles.store("acme").load()
        assert (profile, stored and stored.params) in [old, new]
        profiles.delete("acme")
        assert held(profiles) == []
        kills += was_killed
        if not was_killed:
            break
        line += 1
    assert kills > 20


def test_a_sign_out_that_is_killed__leaves_the_profile_or_nothing(tmp_path):
    line = 0
    while True:
        profiles = Profiles(tmp_path / str(line))
        profiles.save(*application(1))
        was_killed = killed_at(line, lambda: profiles.delete("acme"))  # noqa: B023
        assert held(profiles) in (["access-1", "refresh-1", "secret-1"], [])
        if not was_killed:
            break
        line += 1
    assert held(profiles) == []
    assert line > 5


def test_a_sign_in_by_webhook__leaves_no_token_of_before(tmp_path):
    profiles = Profiles(tmp_path)
    profiles.save(*application(1))
    profiles.save(*webhook())
    assert held(profiles) == [HOOK[33:49]]


def test_a_program_that_runs_on__does_not_bring_tokens_back_after_a_sign_out(tmp_path):
    with Sandbox(deals=3) as portal:
        profiles = Profiles(tmp_path)
        secret = B24OAuthSecret.of(portal.oauth_secret())
        profiles.save(Profile(name="box", portal="x", secret=secret), B24OAuthParams.of(portal.oauth_params()))
        with connect_by(profiles, "box") as running:
            assert running.tools.health_check()
            profiles.delete("box")
            with pytest.raises(AuthorizationRequiredError, match="was signed out of"):
                running.auth.refresh_auth()
            assert profiles.names() == []
            profiles.save(Profile(name="box", portal="acme.bitrix24.com", webhook=HOOK))
            with pytest.raises(AuthorizationRequiredError, match="was signed out of"):
                running.auth.refresh_auth()
            assert profiles.store("box").load() is None


def test_a_program_that_runs_on__takes_no_tokens_of_another_application(tmp_path):
    with Sandbox(deals=3) as portal:
        profiles = Profiles(tmp_path)
        pair = B24OAuthParams.of(portal.oauth_params())
        profiles.save(Profile(name="box", portal="x", secret=B24OAuthSecret.of(portal.oauth_secret())), pair)
        with connect_by(profiles, "box") as running:
            profiles.save(Profile(name="box", portal="x", secret=B24OAuthSecret("another.app", "secret-2")), pair)
            with pytest.raises(AuthorizationRequiredError, match="another application"):
                running.auth.refresh_auth()
        assert profiles.store("box").load().dead == ""
