-- Names that someone shortened.
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, credit INTEGER);
CREATE TABLE departments (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE employees (id INTEGER PRIMARY KEY, dept_id INTEGER REFERENCES departments (id), mgr_id INTEGER, grade INTEGER);
CREATE TABLE products (id INTEGER PRIMARY KEY, cat_id INTEGER REFERENCES categories (id), qty INTEGER);
CREATE TABLE categories (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE purchase_orders (id INTEGER PRIMARY KEY, cust_id INTEGER REFERENCES customers (id), emp_id INTEGER REFERENCES employees (id), seq INTEGER);
CREATE TABLE purchase_order_lines (id INTEGER PRIMARY KEY, po_id INTEGER NOT NULL REFERENCES purchase_orders (id), prod_id INTEGER NOT NULL REFERENCES products (id), qty INTEGER);
CREATE TABLE accounts (acct_no TEXT PRIMARY KEY, cust_id INTEGER NOT NULL REFERENCES customers (id), bal INTEGER);
CREATE TABLE transactions (id INTEGER PRIMARY KEY, acct_no TEXT NOT NULL REFERENCES accounts (acct_no), amt INTEGER);
CREATE TABLE organizations (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE org_units (id INTEGER PRIMARY KEY, org_id INTEGER NOT NULL REFERENCES organizations (id), lvl INTEGER);
-- data
UPDATE employees SET mgr_id = 3000 + id;
