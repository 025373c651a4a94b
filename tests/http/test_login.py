"""Operators' logins over the wire: tokens, their end, and guessing."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.http.clients import Operator, check_problem
from tests.http.running_server import ADMIN_PASSWORD, RunningServer
from tests.loopback import DIRECT

GUESSES_AT_ONCE = 40
FREE_GUESSES = 5


@pytest.fixture
def own_login(demo_server):
    operator = Operator(demo_server)
    yield operator
    operator.http.close()


def try_login(server: RunningServer, username: str, password: str) -> httpx.Response:
    return httpx.post(
        f"{server.admin_url}/api/admin/login",
        json={"username": username, "password": password},
        **DIRECT,
        timeout=60,
    )


def test_a_login_hands_out_tokens(own_login):
    tokens = own_login.tokens
    assert set(tokens) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert tokens["token_type"] == "Bearer"
    assert 0 < tokens["expires_in"] <= 3_600
    me = own_login.call("GET", "/me")
    assert (me["username"], me["role"], me["tenant_id"]) == ("admin", "owner", None)


def test_refreshing_rotates_and_a_reused_token_ends_the_login(demo_server, own_login):
    demo_server.expect("refresh_token_reused")
    old = own_login.tokens["refresh_token"]
    fresh = own_login.call("POST", "/refresh", {"refresh_token": old})
    assert fresh["refresh_token"] != old
    headers = {"Authorization": f"Bearer {fresh['access_token']}"}
    assert own_login.http.get("/me", headers=headers).status_code == 200
    again = own_login.http.post("/refresh", json={"refresh_token": old})
    check_problem(again, 401, "login_expired")
    check_problem(own_login.http.get("/me", headers=headers), 401, "login_expired")
    after = own_login.http.post("/refresh", json={"refresh_token": fresh["refresh_token"]})
    check_problem(after, 401, "login_expired")


def test_a_logout_works_at_once(own_login):
    own_login.call("POST", "/logout", status=204)
    check_problem(own_login.http.get("/me"), 401, "login_expired")
    body = {"refresh_token": own_login.tokens["refresh_token"]}
    check_problem(own_login.http.post("/refresh", json=body), 401, "login_expired")


def test_a_logout_ends_no_other_login(demo_server, own_login):
    other = Operator(demo_server)
    own_login.call("POST", "/logout", status=204)
    assert other.call("GET", "/me")["username"] == "admin"
    other.http.close()


def forge(token: str, **changes: object) -> str:
    header, claims, signature = token.split(".")
    padded = claims + "=" * (-len(claims) % 4)
    changed = {**json.loads(base64.urlsafe_b64decode(padded)), **changes}
    encoded = base64.urlsafe_b64encode(json.dumps(changed).encode()).decode().rstrip("=")
    return f"{header}.{encoded}.{signature}"


def without_algorithm(token: str) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    return f"{header}.{token.split('.')[1]}."


@pytest.mark.parametrize(
    "change",
    [
        without_algorithm,
        lambda token: forge(token, exp=4_000_000_000),
        lambda token: forge(token, sub="someone-else"),
        lambda token: token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"),
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: "x" * 5_000,
        lambda token: "e30.e30.e30",
    ],
)
def test_a_forged_token_is_refused(own_login, change):
    forged = change(own_login.tokens["access_token"])
    answer = own_login.http.get("/me", headers={"Authorization": f"Bearer {forged}"})
    assert answer.status_code == 401
    check_problem(answer, 401, answer.json()["code"])
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_refresh_token_is_no_access_token(own_login):
    headers = {"Authorization": f"Bearer {own_login.tokens['refresh_token']}"}
    check_problem(own_login.http.get("/me", headers=headers), 401, "invalid_token")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "username"),
        ({"username": "admin"}, "password"),
        ({"username": "", "password": "x"}, "username"),
        ({"username": "admin", "password": "x" * 1_001}, "password"),
        ({"username": "admin", "password": 5}, "password"),
    ],
)
def test_a_login_that_is_ill_formed_names_the_field(own_login, body, field):
    problem = check_problem(own_login.http.post("/login", json=body), 400, "validation_failed")
    assert field in [error["field"] for error in problem["errors"]]


def test_wrong_passwords_have_to_wait_even_all_at_once(tmp_path):
    with RunningServer(tmp_path) as server:
        server.expect("login_failed")

        with httpx.Client(**DIRECT, timeout=60) as client:

            def guess(number: int) -> int:
                body = {"username": "admin", "password": f"wrong-password-{number}"}
                url = f"{server.admin_url}/api/admin/login"
                return client.post(url, json=body).status_code

            with ThreadPoolExecutor(GUESSES_AT_ONCE) as pool:
                statuses = list(pool.map(guess, range(GUESSES_AT_ONCE)))
        assert set(statuses) == {401, 429}
        assert statuses.count(401) <= FREE_GUESSES
        refused = try_login(server, "admin", ADMIN_PASSWORD)
        check_problem(refused, 429, "login_back_off")
        assert int(refused.headers["retry-after"]) >= 1
        by_another_name = try_login(server, "nobody", "wrong-password")
        check_problem(by_another_name, 429, "login_back_off")
        health = httpx.get(f"{server.admin_url}/health", **DIRECT)
        assert health.status_code == 200


def test_an_unknown_name_and_a_wrong_password_read_the_same(tmp_path):
    with RunningServer(tmp_path) as server:
        server.expect("login_failed")
        wrong = try_login(server, "admin", "wrong-password")
        unknown = try_login(server, "nobody", "wrong-password")
        check_problem(wrong, 401, "wrong_credentials")
        assert unknown.json() == wrong.json()
