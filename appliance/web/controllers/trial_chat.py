"""The test chat: an operator talks to a tenant's assistant and sees how it answers.

Owns the route and its shapes; the turn is left to ``appliance.services.trial_chat``.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType

from appliance.domain.identity import Claim
from appliance.domain.message import ChatReply
from appliance.domain.trace import TraceStep
from appliance.services.audit import Auditor
from appliance.services.login import Operator
from appliance.services.tenants import TenantService
from appliance.services.tool_trials import build_trial_identity
from appliance.services.trial_chat import TrialChat, TrialMessage, TrialOutcome
from appliance.services.trial_store import Trier
from appliance.tasks import TaskGroup
from appliance.web.controllers.chat import read_locale
from appliance.web.controllers.personal_data import run_to_the_end
from appliance.web.guards import require_tenant
from appliance.web.problems import MEDIA_TYPE, Problem, build_problem
from appliance.web.schemas.chat import check_text


class TrialBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said to whose assistant.

    ``identity`` are the claims of the signed-in visitor to play, ``sub`` first. Without ``debug``
    there is no ``trace``.
    """

    tenant_id: str
    message: str
    session_id: Annotated[str, Meta(max_length=200)] | None = None
    identity: dict[str, Claim] | None = None
    locale: Annotated[str, Meta(max_length=35)] | None = None
    debug: bool = True


class TrialReply(ChatReply, frozen=True, kw_only=True):
    """The reply as a visitor would get it, and the turn step by step."""

    trace: list[TraceStep] | UnsetType = UNSET


class TrialProblem(Problem, frozen=True, kw_only=True):
    """Why there is no answer at all, and the turn up to there."""

    trace: list[TraceStep] | UnsetType = UNSET


@post(
    "/api/admin/test-chat",
    status_code=200,
    summary="Try a tenant's assistant",
    tags=["test chat"],
    responses={200: ResponseSpec(TrialReply, description="The answer", generate_examples=False)},
)
async def send_trial_message(
    operator: NamedDependency[Operator],
    data: JSONBody[TrialBody],
    tenants: NamedDependency[TenantService],
    trial_chat: NamedDependency[TrialChat],
    auditor: NamedDependency[Auditor],
    tasks: NamedDependency[TaskGroup],
) -> Response[Any]:
    """Answer as a visitor is answered, in a conversation of its own that only its caller goes on.

    Tools really run, writes after a yes. Nothing is stored or counts as the tenant's usage.
    """
    tenant = await tenants.get(require_tenant(operator, data.tenant_id, "operator"))
    message = TrialMessage(
        text=check_text(data.message),
        session_id=data.session_id,
        identity=build_trial_identity(data.identity),
        locale=read_locale(data.locale),
    )

    trier = Trier(tenant_id=tenant.id, user_id=operator.user_id)
    question = await trial_chat.begin(tenant, trier, message)

    async def answer() -> TrialOutcome:
        outcome = await trial_chat.answer(question)
        await auditor.record(
            operator.username,
            "test_chat.send",
            outcome.conversation_id,
            tenant_id=tenant.id,
            changes={"tools": [item.call.name for item in outcome.executions]},
        )
        return outcome

    return build_response(await run_to_the_end(tasks, answer()), has_trace=data.debug)


def build_response(outcome: TrialOutcome, *, has_trace: bool) -> Response[Any]:
    """Return the reply or the problem, as JSON with the steps where they are wanted."""
    trace = outcome.steps if has_trace else UNSET
    if outcome.reply is not None:
        reply = TrialReply(**msgspec.structs.asdict(outcome.reply), trace=trace)
        return Response(msgspec.json.encode(reply), media_type="application/json")
    assert outcome.error is not None
    problem, headers = build_problem(outcome.error)
    told = TrialProblem(**msgspec.structs.asdict(problem), trace=trace)
    return Response(
        msgspec.json.encode(told),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )
