-- A small company's own application, of many hands.
CREATE TABLE warehouses (id INTEGER PRIMARY KEY, code TEXT UNIQUE, city TEXT);
CREATE TABLE bins (warehouse_id INTEGER NOT NULL REFERENCES warehouses (id), bin_code TEXT NOT NULL, capacity INTEGER, PRIMARY KEY (warehouse_id, bin_code));
CREATE TABLE items (sku TEXT PRIMARY KEY, description TEXT, weight INTEGER, preferred_supplier_id INTEGER REFERENCES suppliers (id));
CREATE TABLE suppliers (id INTEGER PRIMARY KEY, name TEXT, lead_time INTEGER);
CREATE TABLE stock (warehouse_id INTEGER NOT NULL, bin_code TEXT NOT NULL, sku TEXT NOT NULL REFERENCES items (sku), qty INTEGER, FOREIGN KEY (warehouse_id, bin_code) REFERENCES bins (warehouse_id, bin_code));
CREATE TABLE movements (id INTEGER PRIMARY KEY, sku TEXT NOT NULL REFERENCES items (sku), from_warehouse_id INTEGER REFERENCES warehouses (id), to_warehouse_id INTEGER REFERENCES warehouses (id), performed_by INTEGER REFERENCES staff (id), quantity INTEGER);
CREATE TABLE staff (id INTEGER PRIMARY KEY, name TEXT, supervisor_id INTEGER REFERENCES staff (id), home_warehouse INTEGER REFERENCES warehouses (id), badge_number INTEGER);
CREATE TABLE purchase_orders (id INTEGER PRIMARY KEY, supplier_id INTEGER NOT NULL REFERENCES suppliers (id), buyer_id INTEGER REFERENCES staff (id), po_number INTEGER, terms INTEGER);
CREATE TABLE purchase_order_lines (purchase_order_id INTEGER NOT NULL REFERENCES purchase_orders (id), line_no INTEGER NOT NULL, sku TEXT NOT NULL REFERENCES items (sku), qty INTEGER, PRIMARY KEY (purchase_order_id, line_no));
CREATE TABLE receipts (id INTEGER PRIMARY KEY, purchase_order_id INTEGER NOT NULL, line_no INTEGER NOT NULL, received INTEGER, FOREIGN KEY (purchase_order_id, line_no) REFERENCES purchase_order_lines (purchase_order_id, line_no));
-- orphans 10
CREATE TABLE audit_log (id INTEGER PRIMARY KEY, actor_id INTEGER REFERENCES staff (id), entity_type TEXT, entity_id INTEGER, ip_count INTEGER);
-- rows 0
CREATE TABLE returns (id INTEGER PRIMARY KEY, receipt_id INTEGER REFERENCES receipts (id), sku TEXT REFERENCES items (sku), reason_id INTEGER);
-- data
UPDATE audit_log SET entity_type = CASE id % 2 WHEN 0 THEN 'item' ELSE 'supplier' END, entity_id = id % 20 + 1;
UPDATE purchase_orders SET po_number = 40000 + id;
UPDATE staff SET badge_number = 7000 + id;
