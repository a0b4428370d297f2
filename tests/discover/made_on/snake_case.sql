-- The style of most web applications: plural tables, integer keys, `<singular>_id`.
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT, login_count INTEGER DEFAULT 0, created_at TEXT);
CREATE TABLE categories (id INTEGER PRIMARY KEY, name TEXT NOT NULL, parent_id INTEGER REFERENCES categories (id), position INTEGER);
CREATE TABLE products (id INTEGER PRIMARY KEY, category_id INTEGER NOT NULL REFERENCES categories (id), name TEXT, stock INTEGER, price_cents INTEGER);
CREATE TABLE addresses (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), street TEXT, zip TEXT);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id),
    billing_address_id INTEGER REFERENCES addresses (id), shipping_address_id INTEGER REFERENCES addresses (id),
    order_number INTEGER, item_count INTEGER, status TEXT
);
CREATE TABLE order_items (
    id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    product_id INTEGER NOT NULL REFERENCES products (id), quantity INTEGER, line_number INTEGER
);
CREATE TABLE reviews (id INTEGER PRIMARY KEY, product_id INTEGER REFERENCES products (id), author_id INTEGER REFERENCES users (id), rating INTEGER);
CREATE TABLE coupons (id INTEGER PRIMARY KEY, code TEXT UNIQUE, created_by INTEGER REFERENCES users (id), max_uses INTEGER);
CREATE TABLE order_coupons (order_id INTEGER NOT NULL REFERENCES orders (id), coupon_id INTEGER NOT NULL REFERENCES coupons (id), PRIMARY KEY (order_id, coupon_id));
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE product_tags (product_id INTEGER NOT NULL REFERENCES products (id), tag_id INTEGER NOT NULL REFERENCES tags (id), PRIMARY KEY (product_id, tag_id)) WITHOUT ROWID;
CREATE TABLE sessions (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id), hits INTEGER);
