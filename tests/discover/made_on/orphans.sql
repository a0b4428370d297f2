-- Years of deletes without keys: many rows lost their parents.
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, tier INTEGER);
-- orphans 15
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers (id), number INTEGER);
-- orphans 30
CREATE TABLE order_events (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id), kind INTEGER, actor_id INTEGER REFERENCES staff (id));
CREATE TABLE staff (id INTEGER PRIMARY KEY, name TEXT, floor INTEGER);
-- orphans 5
CREATE TABLE tickets (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id), assigned_to INTEGER REFERENCES staff (id), priority INTEGER);
-- orphans 20
CREATE TABLE ticket_messages (id INTEGER PRIMARY KEY, ticket_id INTEGER NOT NULL REFERENCES tickets (id), reply_to INTEGER REFERENCES ticket_messages (id), length INTEGER);
-- orphans 10
CREATE TABLE ticket_tags (ticket_id INTEGER NOT NULL REFERENCES tickets (id), tag_id INTEGER NOT NULL REFERENCES tags (id), PRIMARY KEY (ticket_id, tag_id));
CREATE TABLE tags (id INTEGER PRIMARY KEY, label TEXT, uses INTEGER);
