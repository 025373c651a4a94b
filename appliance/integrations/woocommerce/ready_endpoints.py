"""What a shop at WooCommerce can be asked from the first day.

Owns the addresses, the parameters and what of an answer a tool gets. Whoever asks about orders asks
about their own: WooCommerce is searched by the verified e-mail address, and what it finds is
compared with it once more. An order's number may differ from its id, so it is compared too.

Source: woocommerce.github.io/woocommerce-rest-api-docs: orders, products.
"""

from __future__ import annotations

from typing import Final

from appliance.domain.integration import EndpointDefinition, EndpointParameter

_EMAIL: Final = EndpointParameter(name="email", target="search", required=True, from_identity=True)
_PRODUCT: Final = EndpointParameter(name="product", target="search", required=True)

_ORDER_FIELDS: Final = (
    "number,status,currency,total,date_created,date_paid,date_completed,billing,line_items"
)
_ORDER: Final = """\
{order_number: number, status: status, placed_at: date_created, paid_at: date_paid,
 completed_at: date_completed, total: to_number(total), currency: currency,
 items: line_items[].{product: name, quantity: quantity}}"""
_OWN: Final = "same(billing.email, argument('email'))"

_PRODUCT_FIELDS: Final = (
    "id,name,status,catalog_visibility,permalink,sku,price,stock_status,stock_quantity"
)
_ON_SALE: Final = "[?status == 'publish' && catalog_visibility != 'hidden']"
_AVAILABILITY: Final = """\
stock_status == 'outofstock' && 'out_of_stock' || stock_status == 'onbackorder' && 'made_to_order'
  || 'in_stock'"""


def _write_product_mapping(found: str, none: str, more: str) -> str:
    return f"""\
{{outcome: length({_ON_SALE}) > `0` && '{found}' || '{none}', product: argument('product'),
 products: {_ON_SALE}.{{name: name, availability: {_AVAILABILITY},
  stock: stock_quantity, price: to_number(price), {more}}}}}"""


READY_ENDPOINTS: Final = (
    EndpointDefinition(
        endpoint_name="find_order",
        description="One order of the signed-in visitor, by its number.",
        url_template=f"/orders?per_page=50&page=all&_fields={_ORDER_FIELDS}",
        parameters=[_EMAIL],
        response_mapping=(f"[?{_OWN} && same(number, argument('order_number'))] | [0].{_ORDER}"),
    ),
    EndpointDefinition(
        endpoint_name="list_my_orders",
        description="The newest ten orders of the signed-in visitor.",
        url_template=f"/orders?per_page=10&_fields={_ORDER_FIELDS}",
        parameters=[_EMAIL],
        response_mapping=(
            f"{{outcome: length([?{_OWN}]) > `0` && 'found' || 'none', orders: [?{_OWN}].{_ORDER}}}"
        ),
    ),
    EndpointDefinition(
        endpoint_name="search_products",
        description="Products on sale that fit some words, with prices and stock.",
        url_template=f"/products?status=publish&per_page=10&_fields={_PRODUCT_FIELDS}",
        parameters=[_PRODUCT],
        response_mapping=_write_product_mapping("found", "none", "url: permalink"),
        cache_s=60,
    ),
    EndpointDefinition(
        endpoint_name="check_inventory",
        description="Products by words: price, article number and stock of each.",
        url_template=f"/products?status=publish&per_page=5&_fields={_PRODUCT_FIELDS}",
        parameters=[_PRODUCT],
        response_mapping=_write_product_mapping(
            "several", "not_found", "article_number: sku, product_id: id"
        ),
        cache_s=60,
    ),
    EndpointDefinition(
        endpoint_name="create_order",
        description="A new order of the signed-in visitor, with an address to pay it at.",
        method="POST",
        url_template="/orders?_fields=number,total,currency,payment_url",
        parameters=[
            EndpointParameter(
                name="email",
                location="body",
                target="billing.email",
                required=True,
                from_identity=True,
            ),
            EndpointParameter(
                name="product_id",
                location="body",
                target="line_items.0.product_id",
                required=True,
            ),
            EndpointParameter(
                name="quantity",
                location="body",
                target="line_items.0.quantity",
                required=True,
                default=1,
            ),
            EndpointParameter(name="status", location="body", default="pending"),
        ],
        response_mapping=(
            "{order_number: number, payment_url: payment_url, total: to_number(total), "
            "currency: currency}"
        ),
        risk="write",
    ),
)
