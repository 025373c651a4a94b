"""The workflows that ship with the program.

Owns their nodes and links; the code of their nodes is in ``code``, their tools are in
``bundled-workflows``.
"""

from __future__ import annotations

from collections.abc import Sequence

from graph import Expression, Flow, Json, load_columns, load_places

HOURS = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "09:00-21:00")
OPENING: Json = {"opening_hours": HOURS, "closed_dates": [], "special_hours": {}}
BOOKING: Json = {
    "slot_minutes": 30,
    "duration_minutes": 60,
    "capacity_per_slot": 1,
    "capacity_counts": "bookings",
    "max_party_size": 20,
    "min_notice_minutes": 30,
    "max_days_ahead": 90,
    **OPENING,
}
ORDER_FIELDS = (
    "order_number",
    "status",
    "items",
    "total",
    "currency",
    "placed_at",
    "estimated_delivery",
    "tracking_url",
)
BOOKING_FIELDS = (
    "reference",
    "service",
    "date",
    "time",
    "party_size",
    "name",
    "status",
    "alternatives",
    "free_times",
)
REQUEST = "={{ $('Read request').first().json.%s }}"


def build_flows() -> list[Flow]:
    """Return every workflow."""
    return [
        order_status(),
        inventory(),
        availability(),
        booking(),
        cancelling(),
        moving(),
        hours(),
        delivery_area(),
        ticket(),
        callback(),
        purchase(),
        giving_back(),
    ]


def start(
    name: str,
    settings: Json,
    *,
    fields: Sequence[str],
    proof: Sequence[str],
    outcomes: Sequence[str] = ("done",),
    nothing: str = "not_found",
    conflict: str = "refused_by_system",
    filled: Json | None = None,
    is_write: bool = False,
) -> Flow:
    """Begin a workflow: where the tool has the shop's own system mapped, that one answers.

    Args:
        name: The tool's, too.
        settings: What the shop can change.
        fields: What is taken from the system's answer.
        proof: Without any of these an answer says nothing.
        outcomes: What an answer may mean; the first, unless it says which.
        nothing: What an empty list means in the place of the proof.
        conflict: What the status 409 means.
        filled: Fields where neither the answer nor the visitor gives them.
        is_write: Whether the tool changes something.
    """
    flow = Flow(name, settings)
    system = f"$('Webhook').first().json.body?._integrations?.{name}"
    flow.gate("Has the shop a system?", f"!!{system}?.apiUrl")
    flow.code("Call", "call_system", KEY=name, WRITES=is_write)
    flow.add(
        "Ask the system",
        "httpRequest",
        4.2,
        {
            "method": "={{ $json.method }}" if is_write else "GET",
            "url": "={{ $json.url }}",
            "sendHeaders": True,
            "specifyHeaders": "json",
            "jsonHeaders": "={{ JSON.stringify($json.headers) }}",
            **(
                {
                    "sendBody": True,
                    "contentType": "json",
                    "specifyBody": "json",
                    "jsonBody": "={{ JSON.stringify($json.body) }}",
                }
                if is_write
                else {}
            ),
            "options": {
                "redirect": {"redirect": {"followRedirects": False}},
                "timeout": 10000,
                "response": {"response": {"fullResponse": True, "neverError": True}},
            },
        },
        onError="continueRegularOutput",
    )
    places = load_places(name)
    flow.code(
        "Read the answer",
        "read_system",
        FIELDS=list(fields),
        FILLED=filled or {},
        PROOF=list(proof),
        OUTCOME=outcomes[0],
        OUTCOMES={code: places[code] for code in outcomes},
        ERRORS=[code for code in places if code not in outcomes],
        NOTHING=nothing,
        CONFLICT=conflict,
        WRITES=is_write,
    )
    flow.gate("Can it be told?", "$json.end !== 'unknown'")
    flow.respond()
    # By this status a caller knows that the call may have been carried out.
    flow.behind("Can it be told?", 1).respond("Respond: not known", responseCode=500)
    return flow.behind("Has the shop a system?", 1)


def answer(flow: Flow, *gates: str) -> Flow:
    """Lead the false sides of these gates to the answer that their item carries."""
    flow.behind(gates[0], 1).code("Answer", "answer")
    for gate in gates[1:]:
        flow.link(gate, "Answer", 1)
    return flow.link("Answer", "Respond")


def record_once(flow: Flow, table: str, shown: Sequence[str], call: str) -> Flow:
    """Save the item once a call, even when the call arrives twice at the same moment."""
    by_call = ("call_id", "eq", f"={{{{ {call}.call_id || '-' }}}}")
    flow.find("Same call", table, by_call, limit=1, is_ordered=True)
    flow.code("Is it new?", "is_new", CALL=Expression(call), SHOWN=list(shown))
    flow.gate("New?")
    return save_once(flow, table, shown)


def save_once(flow: Flow, table: str, shown: Sequence[str]) -> Flow:
    """Save the item, and take it back when the same call was saved before."""
    flow.save("Save", table, tuple(load_columns()[table]))
    by_call = ("call_id", "eq", "={{ $json.call_id || '-' }}")
    flow.find("All of this call", table, by_call, is_ordered=True)
    flow.code("Was it first?", "was_first", SHOWN=list(shown))
    flow.gate("First?")
    flow.behind("First?", 1).remove("Take it back", table, ("id", "eq", "={{ $json.saved_id }}"))
    flow.code("Answer of the first", "answer_first").link("Answer of the first", "Respond")
    return flow.behind("First?")


def order_status() -> Flow:
    """Tell what became of an order."""
    flow = start(
        "get_order_status",
        {},
        fields=ORDER_FIELDS,
        proof=("status",),
        outcomes=("under_way", "over"),
    )
    flow.code("Read request", "read_order_number").gate("Is it a number?")
    find_order(flow)
    flow.code("Describe order", "describe_order").link("Describe order", "Respond")
    return answer(flow, "Is it a number?")


def find_order(flow: Flow) -> Flow:
    """Add a node that reads the order of the request, however its number is stored."""
    return flow.find(
        "Find order",
        "orders",
        ("order_number", "eq", "={{ $json.order_number }}"),
        ("order_number", "eq", "=#{{ $json.order_number }}"),
        ("order_number", "eq", "={{ $json.lower_number }}"),
        match="any",
        limit=1,
    )


def inventory() -> Flow:
    """Tell what is in stock, and what it costs."""
    flow = start(
        "check_inventory",
        {"low_stock": 3},
        fields=("product", "products", "available"),
        proof=("products",),
        outcomes=(
            "several",
            "closest",
            "in_stock",
            "few_left",
            "made_to_order",
            "out_of_stock",
            "not_enough",
        ),
    )
    flow.code("Read request", "read_product").gate("Is it a product?")
    find_products(flow)
    flow.code("Describe products", "describe_products").link("Describe products", "Respond")
    return answer(flow, "Is it a product?")


def find_products(flow: Flow) -> Flow:
    """Add a node that reads the products that the request's words may mean."""
    words = [
        (column, "ilike", f"={{{{ $json.word{number} }}}}")
        for number in (1, 2, 3)
        for column in ("name", "description")
    ]
    return flow.find(
        "Find products",
        "products",
        ("sku", "eq", "={{ $json.asked }}"),
        ("sku", "eq", "={{ $json.upper }}"),
        *words,
        match="any",
        limit=200,
    )


def bookings_of_the_day(flow: Flow, node: str) -> Flow:
    """Add a node that reads what is booked on the day of the request."""
    return flow.find(
        node,
        "bookings",
        ("date", "eq", REQUEST % "room.date"),
        ("status", "neq", "cancelled"),
        is_ordered=True,
    )


def availability() -> Flow:
    """Tell which times are free."""
    flow = start(
        "check_availability",
        BOOKING,
        fields=BOOKING_FIELDS,
        proof=("free_times",),
        outcomes=("times", "no_times", "free", "taken"),
        nothing="no_times",
    )
    flow.code("Read request", "read_visit").gate("Can it be?")
    bookings_of_the_day(flow, "Bookings of the day")
    flow.code("Tell times", "tell_times").link("Tell times", "Respond")
    return answer(flow, "Can it be?")


def booking() -> Flow:
    """Book a visit; the first who saves keeps the slot."""
    flow = start(
        "book_appointment",
        {**BOOKING, "default_service": ""},
        fields=BOOKING_FIELDS,
        proof=("reference",),
        outcomes=("booked",),
        filled={"party_size": 1},
        conflict="fully_booked",
        is_write=True,
    )
    flow.code("Read request", "read_booking").gate("Is it bookable?")
    bookings_of_the_day(flow, "Bookings of the day")
    flow.code("Find room", "find_room").gate("Is there room?")
    flow.save("Save", "bookings", tuple(load_columns()["bookings"]))
    bookings_of_the_day(flow, "Bookings after saving")
    flow.code("Was it in time?", "keep_room").gate("Was it kept?")
    take_back_visit(flow)
    flow.link("Was it kept?", "Answer", 0)
    return answer(flow, "Is it bookable?", "Is there room?")


def take_back_visit(flow: Flow) -> Flow:
    """Delete a visit that was saved too late, and tell so."""
    flow.behind("Was it kept?", 1)
    flow.remove("Take it back", "bookings", ("id", "eq", "={{ $json.saved_id }}"))
    return flow.code("Answer too late", "answer_kept").link("Answer too late", "Respond")


def cancelling() -> Flow:
    """Cancel a visit by its reference."""
    flow = start(
        "cancel_appointment",
        {"cancel_notice_minutes": 0},
        fields=BOOKING_FIELDS,
        proof=("reference",),
        outcomes=("cancelled", "already_cancelled"),
        conflict="too_late",
        is_write=True,
    )
    flow.code("Read request", "read_reference").gate("Is it a reference?")
    by_reference = ("reference", "eq", "={{ $json.reference }}")
    flow.find("Find booking", "bookings", by_reference, is_ordered=True)
    flow.code("Can it be?", "can_cancel").gate("Cancel it?")
    flow.change("Cancel booking", "bookings", {"status": "cancelled"}, by_reference)
    flow.code("Tell it", "tell_cancelled").link("Tell it", "Respond")
    return answer(flow, "Is it a reference?", "Cancel it?")


def moving() -> Flow:
    """Move a visit: a new row first, then the old one goes."""
    flow = start(
        "reschedule_appointment",
        BOOKING,
        fields=BOOKING_FIELDS,
        proof=("reference",),
        outcomes=("moved",),
        conflict="fully_booked",
        is_write=True,
    )
    given = "String($('Webhook').first().json.body.reference ?? '').toUpperCase()"
    found = f"={{{{ '%' + ({given}.match(/[A-Z0-9]{{7}}\\b/) || ['-'])[0] }}}}"
    flow.find("Find booking", "bookings", ("reference", "ilike", found), is_ordered=True)
    flow.code("Read request", "read_move").gate("Is it bookable?")
    bookings_of_the_day(flow, "Bookings of the day")
    flow.code("Find room", "find_new_room").gate("Is there room?")
    flow.save("Save", "bookings", tuple(load_columns()["bookings"]))
    bookings_of_the_day(flow, "Bookings after saving")
    flow.code("Was it in time?", "keep_new_room").gate("Was it kept?")
    flow.remove(
        "Give up the old time",
        "bookings",
        ("reference", "eq", "={{ $json.reference }}"),
        ("id", "lt", "={{ $json.saved_id }}"),
    )
    flow.code("Answer moved", "answer_kept").link("Answer moved", "Respond")
    take_back_visit(flow)
    return answer(flow, "Is it bookable?", "Is there room?")


def hours() -> Flow:
    """Tell when the shop is open."""
    flow = start(
        "get_business_hours",
        OPENING,
        fields=("date", "hours", "week", "next_opening"),
        proof=("hours", "week", "next_opening"),
        outcomes=("open_on", "closed_on", "open_now", "closed_now", "open_at", "closed_at"),
    )
    return flow.code("Tell hours", "tell_hours").link("Tell hours", "Respond")


def delivery_area() -> Flow:
    """Tell whether and for how much the shop delivers to a place."""
    flow = start(
        "check_delivery_area",
        {"areas": [], "currency": ""},
        proof=("fee",),
        outcomes=("delivers", "no_delivery"),
        fields=(
            "postcode",
            "city",
            "fee",
            "currency",
            "minimum_order",
            "free_from",
            "delivery_minutes",
        ),
    )
    flow.code("Read request", "read_area").gate("Is it a place?")
    areas(flow)
    flow.code("Tell it", "tell_area").link("Tell it", "Respond")
    return answer(flow, "Is it a place?")


def areas(flow: Flow) -> Flow:
    """Add a node that reads where the shop delivers."""
    return flow.find("Delivery areas", "delivery_areas")


def ticket() -> Flow:
    """Open a ticket for the team."""
    shown = ("ticket_number", "subject", "status")
    flow = start(
        "create_support_ticket",
        {"priority": "normal"},
        fields=shown,
        proof=("ticket_number",),
        is_write=True,
    )
    flow.code("Read request", "read_ticket").gate("Is it complete?")
    record_once(flow, "tickets", shown, "$('Read request').first().json")
    flow.link("First?", "Answer", 0)
    return answer(flow, "Is it complete?", "New?")


def callback() -> Flow:
    """Note a callback."""
    shown = ("reference", "name", "phone", "date", "time")
    flow = start("request_callback", OPENING, fields=shown, proof=("reference",), is_write=True)
    flow.code("Read request", "read_callback").gate("Is it complete?")
    record_once(flow, "callbacks", shown, "$('Read request').first().json")
    flow.link("First?", "Answer", 0)
    return answer(flow, "Is it complete?", "New?")


def giving_back() -> Flow:
    """Note the return of an order that was delivered."""
    shown = ("return_number", "order_number", "item", "wanted")
    flow = start(
        "process_return",
        {"return_days": 30},
        fields=shown,
        proof=("return_number",),
        outcomes=("done", "already_requested"),
        is_write=True,
        conflict="window_closed",
    )
    flow.code("Read request", "read_return").gate("Is it complete?")
    find_order(flow)
    flow.code("Can it be returned?", "can_return").gate("May it?")
    flow.find(
        "Returns of the order",
        "returns",
        ("order_number", "eq", "={{ $json.order_number }}"),
        is_ordered=True,
    )
    flow.code("Is it new?", "is_new_return").gate("New?")
    save_once(flow, "returns", shown)
    flow.link("First?", "Answer", 0)
    return answer(flow, "Is it complete?", "May it?", "New?")


def purchase() -> Flow:
    """Place an order and take it off the stock, unless somebody was faster."""
    shown = ("order_number", "items", "total", "currency", "delivery_method")
    settings: Json = {
        "delivery": True,
        "pickup": True,
        "delivery_fee": 0,
        "max_quantity": 100,
        "order_prefix": "W",
    }
    flow = start(
        "place_order",
        settings,
        fields=shown,
        proof=("order_number",),
        is_write=True,
        conflict="sold_out",
    )
    flow.code("Read request", "read_purchase").gate("Is it complete?")
    find_products(flow)
    flow.code("Which product?", "choose_product").gate("Is it one?")
    areas(flow)
    flow.code("What does it cost?", "price_order").gate("Can it be?")
    flow.find(
        "Same call",
        "orders",
        ("call_id", "eq", "={{ $json.order.call_id || '-' }}"),
        limit=1,
        is_ordered=True,
    )
    flow.code("Is it new?", "is_new_order").gate("New?")
    save_once(flow, "orders", shown)
    flow.code("Is it counted?", "is_counted")
    flow.gate("Is it gone?", "$json.outcome === 'gone'")
    flow.remove("Take the order back", "orders", ("id", "eq", "={{ $('Save').first().json.id }}"))
    flow.code("Tell it is gone", "tell_gone").link("Tell it is gone", "Respond")
    flow.behind("Is it gone?", 1).gate("Take it off the stock?", "$json.outcome === 'take'")
    flow.change(
        "Take it off the stock",
        "products",
        {"stock": "={{ $json.left }}"},
        ("id", "eq", "={{ $json.id }}"),
        ("stock", "eq", "={{ $json.stock }}"),
    )
    flow.gate("Was it taken?", "!!$json.id")
    flow.code("Tell the order", "tell_order").link("Tell the order", "Respond")
    flow.behind("Was it taken?", 1)
    flow.find(
        "Look again",
        "products",
        ("id", "eq", "={{ $('Which product?').first().json.row.id }}"),
        limit=1,
    )
    flow.link("Look again", "Is it counted?")
    flow.link("Take it off the stock?", "Tell the order", 1)
    return answer(flow, "Is it complete?", "Is it one?", "Can it be?", "New?")
