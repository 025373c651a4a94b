"""What a shop at Shopify can be asked from the first day.

Owns the documents, the parameters and what of an answer a tool gets. Whoever asks about orders asks
about their own: Shopify is searched by the verified e-mail address, and what it finds is compared
with it once more.

Source: shopify.dev, GraphQL Admin API 2026-10: orders, products, draftOrderCreate.
"""

from __future__ import annotations

from typing import Final

from appliance.domain.integration import EndpointDefinition, EndpointParameter

SCOPES: Final[dict[str, str]] = {
    "read_products": "search_products and check_inventory",
    "read_orders": "find_order and list_my_orders",
    "write_draft_orders": "create_order",
}
"""The scopes of an app by name, and which endpoints need them."""

_EMAIL: Final = EndpointParameter(name="email", required=True, from_identity=True)
_PRODUCT: Final = EndpointParameter(name="product", target="default", required=True)
_ON_SALE: Final = EndpointParameter(name="status", default="active")

_ORDERS: Final = """\
query ($search: String!) {
  orders(first: 10, query: $search, sortKey: CREATED_AT, reverse: true) {
    nodes {
      name
      email
      createdAt
      cancelledAt
      displayFinancialStatus
      displayFulfillmentStatus
      currentTotalPriceSet { shopMoney { amount currencyCode } }
      lineItems(first: 10) { nodes { title quantity } }
      fulfillments(first: 5) {
        displayStatus
        estimatedDeliveryAt
        deliveredAt
        trackingInfo(first: 1) { company number url }
      }
    }
  }
}"""
_ORDER: Final = """\
{order_number: name, placed_at: createdAt, cancelled_at: cancelledAt,
 payment: displayFinancialStatus, status: displayFulfillmentStatus,
 total: to_number(currentTotalPriceSet.shopMoney.amount),
 currency: currentTotalPriceSet.shopMoney.currencyCode,
 items: lineItems.nodes[].{product: title, quantity: quantity},
 shipments: fulfillments[].{parcel: displayStatus, expected_at: estimatedDeliveryAt,
  delivered_at: deliveredAt, courier: trackingInfo[0].company,
  tracking_number: trackingInfo[0].number, tracking_url: trackingInfo[0].url}}"""
_OWN: Final = "same(email, argument('email'))"

_PRODUCTS: Final = """\
query ($search: String!) {
  products(first: 10, query: $search, sortKey: RELEVANCE) {
    nodes {
      title
      status
      onlineStoreUrl
      totalInventory
      tracksInventory
      priceRangeV2 {
        minVariantPrice { amount currencyCode }
        maxVariantPrice { amount }
      }
    }
  }
}"""
_ON_SALE_NODES: Final = "products.nodes[?status == 'ACTIVE']"
_PRODUCT_MAPPING: Final = f"""\
{{outcome: length({_ON_SALE_NODES}) > `0` && 'found' || 'none', product: argument('product'),
 products: {_ON_SALE_NODES}.{{name: title,
  availability: tracksInventory && totalInventory <= `0` && 'out_of_stock' || 'in_stock',
  stock: totalInventory, price: to_number(priceRangeV2.minVariantPrice.amount),
  price_to: to_number(priceRangeV2.maxVariantPrice.amount),
  currency: priceRangeV2.minVariantPrice.currencyCode, url: onlineStoreUrl}}}}"""

_INVENTORY: Final = """\
query ($search: String!) {
  products(first: 3, query: $search, sortKey: RELEVANCE) {
    nodes {
      status
      variants(first: 20) {
        nodes { id displayName sku price availableForSale inventoryQuantity }
      }
    }
  }
}"""
_INVENTORY_MAPPING: Final = f"""\
{{outcome: length({_ON_SALE_NODES}) > `0` && 'several' || 'not_found', product: argument('product'),
 products: {_ON_SALE_NODES}.variants.nodes[].{{name: displayName,
  availability: availableForSale && 'in_stock' || 'out_of_stock', stock: inventoryQuantity,
  price: to_number(price), article_number: sku, product_id: id}}}}"""

_NEW_ORDER: Final = """\
mutation ($email: String!, $product: ID!, $quantity: Int!) {
  draftOrderCreate(
    input: {email: $email, lineItems: [{variantId: $product, quantity: $quantity}]}
  ) {
    draftOrder { name invoiceUrl totalPriceSet { shopMoney { amount currencyCode } } }
    userErrors { field message }
  }
}"""
_NEW_ORDER_MAPPING: Final = """\
draftOrderCreate.draftOrder.{order_number: name, payment_url: invoiceUrl,
 total: to_number(totalPriceSet.shopMoney.amount),
 currency: totalPriceSet.shopMoney.currencyCode}"""

READY_ENDPOINTS: Final = (
    EndpointDefinition(
        endpoint_name="find_order",
        description="One order of the signed-in visitor, by its number.",
        query=_ORDERS,
        parameters=[
            EndpointParameter(name="order_number", target="name", required=True),
            _EMAIL,
        ],
        response_mapping=(
            f"orders.nodes[?{_OWN} && same(name, argument('order_number'))] | [0].{_ORDER}"
        ),
    ),
    EndpointDefinition(
        endpoint_name="list_my_orders",
        description="The newest ten orders of the signed-in visitor.",
        query=_ORDERS,
        parameters=[_EMAIL],
        response_mapping=(
            f"{{outcome: length(orders.nodes[?{_OWN}]) > `0` && 'found' || 'none', "
            f"orders: orders.nodes[?{_OWN}].{_ORDER}}}"
        ),
    ),
    EndpointDefinition(
        endpoint_name="search_products",
        description="Products on sale that fit some words, with prices and stock.",
        query=_PRODUCTS,
        parameters=[_PRODUCT, _ON_SALE],
        response_mapping=_PRODUCT_MAPPING,
        cache_s=60,
    ),
    EndpointDefinition(
        endpoint_name="check_inventory",
        description="The variants of a product: price, article number and stock of each.",
        query=_INVENTORY,
        parameters=[_PRODUCT, _ON_SALE],
        response_mapping=_INVENTORY_MAPPING,
        cache_s=60,
    ),
    EndpointDefinition(
        endpoint_name="create_order",
        description="A draft order for the signed-in visitor, with an address to pay it at.",
        query=_NEW_ORDER,
        parameters=[
            EndpointParameter(name="email", location="body", required=True, from_identity=True),
            EndpointParameter(name="product_id", location="body", target="product", required=True),
            EndpointParameter(name="quantity", location="body", required=True, default=1),
        ],
        response_mapping=_NEW_ORDER_MAPPING,
        risk="write",
    ),
)
