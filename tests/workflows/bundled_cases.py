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


def further_cases(now: datetime) -> dict[str, list[Case]]:
    """Return calls of the other tools around ``now``, on the demo shop's rows, by tool."""
    today, tomorrow = now.date().isoformat(), (now + timedelta(days=1)).date().isoformat()
    yesterday = (now - timedelta(days=1)).date().isoformat()
    ann = {"name": "Ann", "phone": "+1 555 0100"}
    order = {**ann, "product": "pepperoni pizza", "quantity": 2, "address": "1 Road, London E1 6AN"}
    cola = {**order, "product": "cola", "address": "pickup"}
    lucas = {"order_number": "12320", "reason": "Cold", "contact": "lucas@example.com"}
    return {
        "check_availability": [
            {"date": tomorrow}, {"date": tomorrow, "time": "20:00", "party_size": 12},
            {"date": tomorrow, "time": "20:00", "party_size": 4}, {"date": yesterday},
            {"date": "soon"}, {"date": tomorrow, "time": "03:00"}, {},
        ],
        "reschedule_appointment": [
            {"reference": "B-DEMO4C9", "date": tomorrow, "time": "13:30"},
            {"reference": "b demo4c9", "date": tomorrow, "time": "13:30"},
            {"reference": "B-DEMO4C9", "date": tomorrow, "time": "03:00"},
            {"reference": "B-DEMO7F4", "date": tomorrow, "time": "13:30"},
            {"reference": "B-ZZZZZZZ", "date": tomorrow, "time": "13:30"}, {"reference": "?"}, {},
        ],
        "cancel_appointment": [
            {"reference": "B-DEMO6E3"}, {"reference": "booking B-DEMO6E3"},
            {"reference": "B-ZZZZZZZ"}, {"reference": ""}, {},
        ],
        "get_business_hours": [
            {}, {"date": tomorrow}, {"date": today, "time": "23:30"}, {"date": "x"},
            {"date": tomorrow, "time": "x"},
        ],
        "check_delivery_area": [
            {"postcode": "E1 6AN"}, {"postcode": "se1 9sg"}, {"postcode": "75001"},
            {"postcode": "חיפה"}, {"postcode": "?"}, {},
        ],
        "create_support_ticket": [
            {**ann, "description": "It broke", "email": "ann@example.com"},
            {"description": "It broke"}, {**ann, "description": "x", "email": "?"}, {},
        ],
        "request_callback": [
            {**ann, "topic": "An offer"}, {**ann, "date": tomorrow, "time": "15:00"},
            {**ann, "date": yesterday}, {**ann, "date": tomorrow, "time": "04:00"}, {"name": "Ann"},
        ],
        "process_return": [
            lucas, lucas, {**lucas, "item": "Caesar salad"}, {**lucas, "contact": "x@example.com"},
            {**lucas, "order_number": "12345", "contact": "maya@example.com"},
            {**lucas, "order_number": "99999"}, {},
        ],
        "place_order": [
            order, {**order, "address": "pickup"}, cola, cola, {**order, "product": "pizza"},
            {**order, "product": "unicorn"}, {**order, "address": "Paris 75001"},
            {**order, "product": "lemonade", "quantity": 1}, {**order, "quantity": 0},
            {**order, "phone": "1"}, {},
        ],
    }  # fmt: skip
