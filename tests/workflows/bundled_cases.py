"""Inputs for the bundled workflows, used against the embedded runner and a real n8n alike."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

Case = dict[str, Any]

ORDER_CASES: list[Case] = [
    {"order_number": "12345"},
    {"order_number": "#12345"},
    {"order_number": " 12345 "},
    {"order_number": "order no. 12290"},
    {"order_number": "הזמנה 12320"},
    {"order_number": 12302},
    {"order_number": "12347"},
    {"order_number": "99999"},
    {"order_number": ""},
    {"order_number": "unknown"},
    {"order_number": None},
    {"order_number": "'; DROP TABLE orders; -- 12345"},
    {},
]

PRODUCT_CASES: list[Case] = [
    {"product": "pepperoni pizza"},
    {"product": "PEPPERONI"},
    {"product": "  pizza  "},
    {"product": "pizzas"},
    {"product": "do you have any garlic bread?"},
    {"product": "BBQ chicken"},
    {"product": "vegan options"},
    {"product": "vegetarian"},
    {"product": "PZ-MAR"},
    {"product": "pz-mar"},
    {"product": "cola", "quantity": 6},
    {"product": "cola", "quantity": "2"},
    {"product": "cola", "quantity": 0},
    {"product": "cola", "quantity": "many"},
    {"product": "unicorn"},
    {"product": "100% wool_scarf"},
    {"product": "פיצה"},
    {"product": ""},
    {},
]


def booking_cases(now: datetime) -> list[Case]:
    """Return bookings around ``now``, the shop's local time; the first fill later ones' slots."""
    date = (now + timedelta(days=3)).date()
    while date.strftime("%a") != "Wed":  # open all day in the demo's settings
        date += timedelta(days=1)
    day = date.isoformat()
    yesterday = (now - timedelta(days=1)).date().isoformat()
    far = (now + timedelta(days=400)).date().isoformat()
    ann = {"name": "Ann", "date": day, "time": "19:00"}
    return [
        {**ann, "party_size": 10, "phone": "+1 555 0100", "email": "ann@example.com"},
        {**ann, "party_size": 10, "name": "Ben"},
        {**ann, "party_size": 10, "name": "Cleo"},
        {**ann, "party_size": 4, "name": "Dov", "notes": "by the window"},
        {**ann, "party_size": 1, "name": "Eve"},
        {**ann, "time": "7pm", "date": day, "name": "Flo"},
        {**ann, "time": "12.30", "service": "Table outside"},
        {**ann, "time": "19:10"},
        {**ann, "time": "03:00"},
        {**ann, "time": "25:00"},
        {**ann, "time": "soon"},
        {**ann, "date": "31/12/2099"},
        {**ann, "date": "2026-02-30"},
        {**ann, "date": yesterday},
        {**ann, "date": far},
        {**ann, "party_size": 13},
        {**ann, "party_size": 0},
        {**ann, "party_size": "two"},
        {**ann, "email": "not an address"},
        {**ann, "phone": "12"},
        {**ann, "name": "   "},
        {"name": "Ann"},
        {},
    ]
