"""Operators' logins on a real database."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from appliance.domain.ids import UserId, new_id
from appliance.domain.user import User, UserRole
from appliance.errors import ApplianceError, InvalidInput, NotAuthenticated, RateLimited
from appliance.services.login import (
    ACCESS_LIFETIME,
    FREE_ATTEMPTS,
    MAX_BACK_OFF_S,
    MAX_REMEMBERED,
    NOBODYS_HASH,
    REFRESH_LIFETIME,
    BackOff,
    LoginService,
    Tokens,
)
from tests.fakes.clock import SettableClock
from tests.fakes.sqlite_database import TemporaryDatabase

SECRET = "a-signing-secret-of-more-than-32-bytes"
PASSWORD = "correct horse"
ADDRESS = "192.0.2.1"


@pytest.fixture
def login(temporary: TemporaryDatabase) -> LoginService:
    return build(temporary)


def build(temporary: TemporaryDatabase) -> LoginService:
    return LoginService(users=temporary.database.users, secret=SECRET, clock=temporary.clock)


@pytest.fixture
def clock(temporary: TemporaryDatabase) -> SettableClock:
    return temporary.clock


async def enter(login: LoginService, username: str = "admin", password: str = PASSWORD) -> Tokens:
    return await login.login(username, password, address=ADDRESS)


async def refusal(work: Any) -> str:
    with pytest.raises(ApplianceError) as caught:
        await work
    return caught.value.code


async def test_the_first_owner_gets_the_chosen_password(login: LoginService) -> None:
    assert await login.ensure_first_owner(PASSWORD) is None
    operator = await login.authenticate((await enter(login)).access_token)
    assert (operator.username, operator.role, operator.tenant_id) == ("admin", "owner", None)


async def test_without_one_a_password_is_generated_and_told_once(login: LoginService) -> None:
    generated = await login.ensure_first_owner(None)
    assert generated is not None
    assert len(generated) >= 16
    await enter(login, password=generated)
    assert await login.ensure_first_owner(None) is None
    assert await login.ensure_first_owner("another password") is None
    await enter(login, password=generated)


async def test_a_short_password_is_refused_by_field(login: LoginService) -> None:
    with pytest.raises(InvalidInput) as caught:
        await login.hash_password("1234567")
    assert [error.field for error in caught.value.errors] == ["password"]
    assert "1234567" not in str(caught.value.errors)


async def test_the_name_is_found_in_any_case(login: LoginService) -> None:
    await login.ensure_first_owner(PASSWORD)
    assert (await enter(login, "ADMIN")).token_type == "Bearer"


async def test_a_wrong_password_and_an_unknown_name_read_alike(login: LoginService) -> None:
    await login.ensure_first_owner(PASSWORD)
    with pytest.raises(NotAuthenticated) as known:
        await enter(login, password="wrong password")
    with pytest.raises(NotAuthenticated) as unknown:
        await enter(login, "nobody")
    assert known.value.code == unknown.value.code == "wrong_credentials"
    assert known.value.message == unknown.value.message


async def test_an_unknown_name_takes_the_same_work(
    login: LoginService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are one verification of an Argon2id hash with the very same parameters."""
    hashed = await login.hash_password(PASSWORD)
    assert NOBODYS_HASH.split("$")[:4] == hashed.split("$")[:4]
    verified: list[str] = []
    verify = login._hasher.verify
    monkeypatch.setattr(
        login._hasher,
        "verify",
        lambda word, stored: verified.append(stored) or verify(word, stored),
    )
    assert await refusal(enter(login, "nobody")) == "wrong_credentials"
    assert verified == [NOBODYS_HASH]


async def test_an_account_that_was_switched_off_cannot_enter(
    login: LoginService, temporary: TemporaryDatabase
) -> None:
    user = User(
        id=UserId(new_id()),
        username="dana",
        password_hash=await login.hash_password(PASSWORD),
        role="viewer",
        is_active=False,
        created_at=temporary.clock.now(),
    )
    await temporary.database.users.add(user)
    assert await refusal(enter(login, "dana")) == "wrong_credentials"


async def test_after_some_failures_each_further_one_doubles_the_wait(
    login: LoginService, clock: SettableClock
) -> None:
    await login.ensure_first_owner(PASSWORD)
    for _ in range(FREE_ATTEMPTS):
        assert await refusal(enter(login, password="wrong password")) == "wrong_credentials"
    for expected_s in (1, 2, 4):
        with pytest.raises(RateLimited) as caught:
            await enter(login)
        assert caught.value.retry_after_s == expected_s
        clock.advance(expected_s)
        assert await refusal(enter(login, password="wrong password")) == "wrong_credentials"


async def test_a_success_forgets_the_failures(login: LoginService) -> None:
    await login.ensure_first_owner(PASSWORD)
    for _ in range(3):
        for _ in range(FREE_ATTEMPTS - 1):
            assert await refusal(enter(login, password="wrong password")) == "wrong_credentials"
        await enter(login)


async def test_many_tries_at_once_count_like_one_after_the_other(login: LoginService) -> None:
    await login.ensure_first_owner(PASSWORD)
    codes = await asyncio.gather(
        *(refusal(enter(login, password=f"wrong password {n}")) for n in range(40))
    )
    assert codes.count("wrong_credentials") == FREE_ATTEMPTS
    assert codes.count("login_back_off") == 40 - FREE_ATTEMPTS


async def test_guessing_at_many_accounts_is_slowed_by_the_address(login: LoginService) -> None:
    for number in range(FREE_ATTEMPTS):
        await refusal(enter(login, f"user{number}"))
    assert await refusal(enter(login, "another")) == "login_back_off"


def test_the_wait_has_an_end() -> None:
    clock = SettableClock()
    back_off = BackOff(clock)
    for _ in range(200):
        back_off.note_failure("account:admin")
    with pytest.raises(RateLimited) as caught:
        back_off.check("account:admin")
    assert caught.value.retry_after_s == MAX_BACK_OFF_S
    clock.advance(MAX_BACK_OFF_S)
    back_off.check("account:admin")


def test_names_that_were_tried_once_are_not_kept_for_ever() -> None:
    back_off = BackOff(SettableClock())
    for _ in range(FREE_ATTEMPTS + 5):
        back_off.note_failure("account:admin")
    for number in range(3 * MAX_REMEMBERED):
        back_off.note_failure(f"account:{number}")
    assert len(back_off._failures) <= MAX_REMEMBERED + 1
    with pytest.raises(RateLimited):
        back_off.check("account:admin")


async def test_a_refresh_token_works_once(login: LoginService) -> None:
    await login.ensure_first_owner(PASSWORD)
    first = await enter(login)
    second = await login.refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    await login.authenticate(second.access_token)
    third = await login.refresh(second.refresh_token)
    await login.authenticate(third.access_token)


async def test_a_used_refresh_token_ends_the_whole_login(login: LoginService) -> None:
    await login.ensure_first_owner(PASSWORD)
    stolen = await enter(login)
    current = await login.refresh(stolen.refresh_token)
    other = await enter(login)
    assert await refusal(login.refresh(stolen.refresh_token)) == "login_expired"
    assert await refusal(login.refresh(current.refresh_token)) == "login_expired"
    assert await refusal(login.authenticate(current.access_token)) == "login_expired"
    await login.authenticate(other.access_token)


async def test_of_two_refreshes_at_once_one_wins(login: LoginService) -> None:
    await login.ensure_first_owner(PASSWORD)
    token = (await enter(login)).refresh_token
    results = await asyncio.gather(
        login.refresh(token), login.refresh(token), return_exceptions=True
    )
    assert sorted(isinstance(result, Tokens) for result in results) == [False, True]


@pytest.mark.parametrize("token", ["", "rt_", "rt_.", "rt_nobody.x", "x" * 10_000, "rt_\0.é"])
async def test_a_refresh_token_that_was_never_issued_is_refused(
    login: LoginService, token: str
) -> None:
    assert await refusal(login.refresh(token)) == "login_expired"


async def test_a_refresh_token_expires(login: LoginService, clock: SettableClock) -> None:
    await login.ensure_first_owner(PASSWORD)
    token = (await enter(login)).refresh_token
    clock.advance(REFRESH_LIFETIME.total_seconds())
    assert await refusal(login.refresh(token)) == "login_expired"


async def test_a_refresh_prolongs_the_login(login: LoginService, clock: SettableClock) -> None:
    await login.ensure_first_owner(PASSWORD)
    token = (await enter(login)).refresh_token
    for _ in range(3):
        clock.advance(REFRESH_LIFETIME.total_seconds() - 60)
        token = (await login.refresh(token)).refresh_token


async def test_after_logout_both_tokens_fail_at_once(login: LoginService) -> None:
    await login.ensure_first_owner(PASSWORD)
    tokens, other = await enter(login), await enter(login)
    await login.logout(await login.authenticate(tokens.access_token))
    assert await refusal(login.authenticate(tokens.access_token)) == "login_expired"
    assert await refusal(login.refresh(tokens.refresh_token)) == "login_expired"
    await login.authenticate(other.access_token)


async def test_a_switched_off_account_is_out_at_once(
    login: LoginService, temporary: TemporaryDatabase
) -> None:
    await login.ensure_first_owner(PASSWORD)
    tokens = await enter(login)
    user = await temporary.database.users.find_by_username("admin")
    assert user is not None
    role: UserRole = "owner"
    off = User(
        id=user.id, username="admin", password_hash=user.password_hash, role=role,
        is_active=False, created_at=user.created_at,
    )  # fmt: skip
    await temporary.database.users.save(off)
    assert await refusal(login.authenticate(tokens.access_token)) == "login_expired"
    assert await refusal(login.refresh(tokens.refresh_token)) == "login_expired"


async def test_an_access_token_expires(login: LoginService, clock: SettableClock) -> None:
    await login.ensure_first_owner(PASSWORD)
    tokens = await enter(login)
    assert tokens.expires_in == ACCESS_LIFETIME.total_seconds()
    clock.advance(tokens.expires_in - 1)
    await login.authenticate(tokens.access_token)
    clock.advance(1)
    assert await refusal(login.authenticate(tokens.access_token)) == "login_expired"


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def signed(claims: dict[str, Any], *, secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


def without(claims: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in claims.items() if key != name}


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


MUTATIONS: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "garbage": lambda _: "x.y.z",
    "two parts": lambda token: token.rpartition(".")[0],
    "not ASCII": lambda token: "é" + token,
    "no signature": lambda token: token.rpartition(".")[0] + ".",
    "changed signature": lambda token: token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"),
    "algorithm none": lambda token: jwt.encode(claims_of(token), "", algorithm="none"),
    "algorithm None": lambda token: f"{part({'alg': 'None'})}.{part(claims_of(token))}.",
    "another algorithm": lambda token: signed(
        claims_of(token), secret=SECRET * 2, algorithm="HS512"
    ),
    "the same secret, another algorithm": lambda token: signed(
        claims_of(token), secret=SECRET.ljust(64, "!"), algorithm="HS384"
    ),
    "a foreign secret": lambda token: signed(claims_of(token), secret="f" * 40),
    "claims of another": lambda token: ".".join(
        (token.split(".")[0], part({**claims_of(token), "sub": "x"}), token.split(".")[2])
    ),
    "another user, our signature": lambda token: signed({**claims_of(token), "sub": new_id()}),
    "another login, our signature": lambda token: signed({**claims_of(token), "sid": new_id()}),
    "expired": lambda token: signed({**claims_of(token), "exp": 1}),
    **{
        f"without {name}": lambda token, name=name: signed(without(claims_of(token), name))
        for name in ("sub", "sid", "iat", "exp", "jti")
    },
}


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_a_token_that_is_not_exactly_ours_is_refused(
    login: LoginService, mutation: str
) -> None:
    await login.ensure_first_owner(PASSWORD)
    token = (await enter(login)).access_token
    with pytest.raises(NotAuthenticated) as caught:
        await login.authenticate(MUTATIONS[mutation](token))
    assert token not in caught.value.message
    await login.authenticate(token)


async def test_a_token_of_another_installation_is_refused(
    login: LoginService, temporary: TemporaryDatabase
) -> None:
    await login.ensure_first_owner(PASSWORD)
    other = LoginService(
        users=temporary.database.users, secret="another " + SECRET, clock=temporary.clock
    )
    token = (await enter(other)).access_token
    assert await refusal(login.authenticate(token)) == "invalid_token"


async def test_a_token_survives_a_restart(
    login: LoginService, temporary: TemporaryDatabase
) -> None:
    await login.ensure_first_owner(PASSWORD)
    token = (await enter(login)).access_token
    assert (await build(temporary).authenticate(token)).username == "admin"


async def test_no_clock_of_the_machine_decides(login: LoginService, clock: SettableClock) -> None:
    """A token is judged by the given clock, however far it is from the machine's."""
    await login.ensure_first_owner(PASSWORD)
    await login.authenticate((await enter(login)).access_token)
    clock.advance(100 * 365 * 86_400)
    await login.authenticate((await enter(login)).access_token)
