#!/bin/sh
# Draws docs/graph.svg: the shop of tests/fixtures/shop.sql with some of its keys declared, some
# asked for by a migration, some discovered. The same program gives the same bytes.
# usage: scripts/graph-svg.sh [--check] [path of fkfix]
set -eu
cd "$(dirname "$0")/.."
check=
if [ "${1-}" = --check ]; then
    check=1
    shift
fi
fkfix=${1:-target/release/fkfix}
unset DATABASE_URL FKFIX_MIGRATIONS FKFIX_LOG
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2]).read())' \
    "$folder/shop.db" tests/fixtures/shop.sql
mkdir "$folder/migrations"
cat >"$folder/migrations/V1__order_keys.sql" <<'SQL'
ALTER TABLE orders ADD CONSTRAINT fk_orders_customer
    FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE RESTRICT;
ALTER TABLE order_items ADD CONSTRAINT fk_order_items_order
    FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE;
ALTER TABLE order_items ADD CONSTRAINT fk_order_items_product
    FOREIGN KEY (product_id) REFERENCES products (id) ON DELETE RESTRICT;
SQL
"$fkfix" up -q -d "$folder/shop.db" --migrations "$folder/migrations" >/dev/null
cat >"$folder/migrations/V2__category_keys.sql" <<'SQL'
ALTER TABLE categories ADD CONSTRAINT fk_categories_parent
    FOREIGN KEY (parent_id) REFERENCES categories (id) ON DELETE CASCADE;
ALTER TABLE products ADD CONSTRAINT fk_products_category
    FOREIGN KEY (category_id) REFERENCES categories (id) ON DELETE SET NULL;
SQL
"$fkfix" graph -d "$folder/shop.db" --migrations "$folder/migrations" --discover --format svg \
    >"$folder/graph.svg"

if [ -z "$check" ]; then
    cp "$folder/graph.svg" docs/graph.svg
    echo "docs/graph.svg is written"
elif ! cmp -s "$folder/graph.svg" docs/graph.svg; then
    echo "docs/graph.svg is not what fkfix graph draws now" >&2
    echo "hint: scripts/graph-svg.sh draws it again" >&2
    exit 1
fi
