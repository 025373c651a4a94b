"""Operators' logins: passwords, access tokens, refresh tokens.

Owns checking who somebody is; what they may do is decided by ``appliance.web.guards``.
"""

from __future__ import annotations

import asyncio
import hmac
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from msgspec import Struct
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from appliance.domain.ids import TenantId, UserId, hash_token, new_id, new_token
from appliance.domain.user import RefreshToken, User, UserRole
from appliance.errors import FieldError, InvalidInput, NotAuthenticated, RateLimited
from appliance.ports.clock import Clock
from appliance.ports.repositories import UserRepository

logger = structlog.get_logger(__name__)

ALGORITHM = "HS256"
ACCESS_LIFETIME = timedelta(minutes=15)
REFRESH_LIFETIME = timedelta(days=30)
MIN_PASSWORD_LENGTH = 8
MAX_DISPLAY_NAME_LENGTH = 100
FREE_ATTEMPTS = 5
MAX_BACK_OFF_S = 900
MAX_REMEMBERED = 10_000
NOBODYS_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$+YtAkGPyV8hCqIY+ObLcMA"
    "$NL54GOSxRwBclSZYrxQkpT7UOsPErbcVmAkxPhu9ABw"
)
"""Of a forgotten random password: checking an unknown name takes as long as a known one."""


class Tokens(Struct, frozen=True, kw_only=True):
    """What a successful login hands out; ``expires_in`` is in seconds."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"
    expires_in: int = int(ACCESS_LIFETIME.total_seconds())


class Operator(Struct, frozen=True, kw_only=True):
    """Who makes a request on the admin side."""

    user_id: UserId
    username: str
    role: UserRole
    tenant_id: TenantId | None
    login_id: str
    display_name: str | None = None


class BackOff:
    """Makes guessing slow: after some failures each further one doubles the waiting time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: dict[str, tuple[int, float]] = {}

    def check(self, *keys: str) -> None:
        """Refuse while any of ``keys`` must wait.

        Raises:
            RateLimited: Says how long.
        """
        now = self._clock.monotonic()
        wait_s = max((self._failures.get(key, (0, 0.0))[1] - now for key in keys), default=0)
        if wait_s > 0:
            raise RateLimited(
                "Too many failed logins. Please wait before the next try.",
                code="login_back_off",
                retry_after_s=max(1, round(wait_s)),
            )

    def note_failure(self, *keys: str) -> None:
        """Count a failure for each of ``keys``."""
        now = self._clock.monotonic()
        if len(self._failures) > MAX_REMEMBERED:
            self._failures = {k: v for k, v in self._failures.items() if v[1] > now}
        for key in keys:
            count = self._failures.get(key, (0, 0.0))[0] + 1
            over = count - FREE_ATTEMPTS
            wait_s = min(MAX_BACK_OFF_S, 2**over) if over >= 0 else 0
            self._failures[key] = (count, now + wait_s)

    def note_success(self, *keys: str) -> None:
        """Forget the failures of ``keys``."""
        for key in keys:
            self._failures.pop(key, None)


class LoginService:
    """Logs operators in and out.

    Args:
        secret: Signs access tokens; at least 32 random bytes.
    """

    def __init__(self, *, users: UserRepository, secret: str, clock: Clock) -> None:
        self._users = users
        self._secret = secret
        self._clock = clock
        self._back_off = BackOff(clock)
        # OWASP's recommended Argon2id parameters: 19 MiB, 2 passes, 1 lane.
        self._hasher = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),))

    async def ensure_first_owner(self, password: str | None) -> str | None:
        """Make the owner ``admin`` when there is no account yet.

        Args:
            password: What the operator chose, or ``None`` to have one generated.

        Returns:
            The generated password, to be shown once; ``None`` when none was generated.
        """
        if await self._users.count() > 0:
            return None
        generated = None if password else new_token("", size_bytes=12)
        chosen = password or generated or ""
        await self._users.add(
            User(
                id=UserId(new_id()),
                username="admin",
                password_hash=await self.hash_password(chosen),
                role="owner",
                created_at=self._clock.now(),
            )
        )
        return generated

    async def hash_password(self, password: str) -> str:
        """Return the Argon2id hash of ``password``.

        Raises:
            InvalidInput: It is shorter than 8 characters.
        """
        if len(password) < MIN_PASSWORD_LENGTH:
            raise InvalidInput(
                "The password is too short.",
                errors=[FieldError("password", f"Give at least {MIN_PASSWORD_LENGTH} characters.")],
            )
        return await asyncio.to_thread(self._hasher.hash, password)

    async def login(self, username: str, password: str, *, address: str) -> Tokens:
        """Check name and password and open a login session.

        Raises:
            NotAuthenticated: They do not match; takes as long for a name that does not exist.
            RateLimited: Too many failures for this account or address.
        """
        keys = (f"account:{username.casefold()}", f"address:{address}")
        self._back_off.check(*keys)
        self._back_off.note_failure(*keys)  # until proven otherwise: tries at once count too
        user = await self._users.find_by_username(username)
        is_match = await asyncio.to_thread(
            self._hasher.verify, password, user.password_hash if user else NOBODYS_HASH
        )
        if user is None or not is_match or not user.is_active:
            logger.warning("login_failed", username=username, address=address)
            raise NotAuthenticated(
                "The username or the password is wrong.", code="wrong_credentials"
            )
        self._back_off.note_success(*keys)
        logger.info("login", username=user.username, address=address)
        login_id = new_id()
        refresh = _build_refresh_token(login_id)
        now = self._clock.now()
        await self._users.add_refresh_token(
            RefreshToken(
                id=login_id,
                user_id=user.id,
                token_hash=hash_token(refresh),
                created_at=now,
                expires_at=now + REFRESH_LIFETIME,
            )
        )
        return Tokens(
            access_token=self._build_access_token(user, login_id, now), refresh_token=refresh
        )

    async def refresh(self, refresh_token: str) -> Tokens:
        """Exchange a refresh token for new tokens; the old one no longer works.

        A refresh token that was used before ends the whole login session: it may be stolen.

        Raises:
            NotAuthenticated: The token is unknown, expired, revoked or used.
        """
        login_id = refresh_token.removeprefix("rt_").partition(".")[0]
        stored = await self._users.get_refresh_token(login_id)
        now = self._clock.now()
        if stored is None or stored.revoked_at is not None or stored.expires_at <= now:
            raise _expired()
        user = await self._users.get(stored.user_id)
        if user is None or not user.is_active:
            raise _expired()
        if not hmac.compare_digest(stored.token_hash, hash_token(refresh_token)):
            await self._users.revoke_refresh_tokens(user.id, at=now, only_id=login_id)
            logger.warning("refresh_token_reused", username=user.username)
            raise _expired()
        fresh = _build_refresh_token(login_id)
        is_rotated = await self._users.rotate_refresh_token(
            login_id,
            old_hash=stored.token_hash,
            new_hash=hash_token(fresh),
            expires_at=now + REFRESH_LIFETIME,
        )
        if not is_rotated:
            raise _expired()
        return Tokens(
            access_token=self._build_access_token(user, login_id, now), refresh_token=fresh
        )

    async def logout(self, operator: Operator) -> None:
        """End the login session; its tokens stop working at once."""
        await self._users.revoke_refresh_tokens(
            operator.user_id, at=self._clock.now(), only_id=operator.login_id
        )

    async def set_display_name(self, operator: Operator, name: str | None) -> Operator:
        """Set the name that visitors read of the operator; ``None`` takes it away.

        Raises:
            InvalidInput: It is none that visitors should read.
        """
        user = await self._users.get(operator.user_id)
        if user is None:
            raise _expired()
        chosen = None if name is None else check_display_name(name)
        await self._users.save(msgspec.structs.replace(user, display_name=chosen))
        return msgspec.structs.replace(operator, display_name=chosen)

    async def authenticate(self, access_token: str) -> Operator:
        """Return who an access token belongs to.

        Raises:
            NotAuthenticated: It is not ours, expired, or its login session has ended.
        """
        claims = self._read_claims(access_token)
        login = await self._users.get_refresh_token(str(claims["sid"]))
        if login is None or login.revoked_at is not None or login.user_id != claims["sub"]:
            raise _expired()
        user = await self._users.get(UserId(str(claims["sub"])))
        if user is None or not user.is_active:
            raise _expired()
        return Operator(
            user_id=user.id,
            username=user.username,
            role=user.role,
            tenant_id=user.tenant_id,
            login_id=login.id,
            display_name=user.display_name,
        )

    def _build_access_token(self, user: User, login_id: str, now: datetime) -> str:
        import jwt  # on first use: it brings X.509 along, which costs 150 ms at start

        claims = {
            "sub": user.id,
            "sid": login_id,
            "iat": now,
            "exp": now + ACCESS_LIFETIME,
            "jti": new_id(),
        }
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def _read_claims(self, access_token: str) -> dict[str, Any]:
        import jwt

        try:
            claims: dict[str, Any] = jwt.decode(
                access_token,
                self._secret,
                algorithms=[ALGORITHM],
                options={"require": ["sub", "sid", "iat", "exp", "jti"], "verify_exp": False,
                         "verify_iat": False},
            )  # fmt: skip
        except jwt.PyJWTError as error:
            raise NotAuthenticated(
                "The access token is not valid.", code="invalid_token"
            ) from error
        if float(claims["exp"]) <= self._clock.now().timestamp():
            raise _expired()
        return claims


def check_display_name(name: str) -> str:
    """Return a name that visitors may read, without blanks around it.

    Raises:
        InvalidInput: It is empty, too long, an e-mail address, or more than a line.
    """
    chosen = name.strip()
    is_plain = bool(chosen) and chosen.isprintable() and len(chosen) <= MAX_DISPLAY_NAME_LENGTH
    if not is_plain or "@" in chosen:
        told = f"Give a name of 1 to {MAX_DISPLAY_NAME_LENGTH} letters, and no e-mail address."
        raise InvalidInput("This is no name.", errors=[FieldError("display_name", told)])
    return chosen


def _build_refresh_token(login_id: str) -> str:
    return f"rt_{login_id}.{new_token('', size_bytes=32)}"


def _expired() -> NotAuthenticated:
    return NotAuthenticated("The login has ended. Please log in again.", code="login_expired")
