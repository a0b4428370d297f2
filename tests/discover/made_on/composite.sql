-- Keys of several columns, each table's key a part of the next one's.
CREATE TABLE airlines (code TEXT PRIMARY KEY, name TEXT);
CREATE TABLE airports (iata_code TEXT PRIMARY KEY, city TEXT, elevation INTEGER);
CREATE TABLE flights (
    airline_code TEXT NOT NULL REFERENCES airlines (code), flight_number INTEGER NOT NULL, seats INTEGER, PRIMARY KEY (airline_code, flight_number)
);
CREATE TABLE flight_legs (
    airline_code TEXT NOT NULL, flight_number INTEGER NOT NULL, leg_number INTEGER NOT NULL, minutes INTEGER,
    PRIMARY KEY (airline_code, flight_number, leg_number),
    FOREIGN KEY (airline_code, flight_number) REFERENCES flights (airline_code, flight_number)
);
CREATE TABLE passengers (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE bookings (
    id INTEGER PRIMARY KEY, passenger_id INTEGER NOT NULL REFERENCES passengers (id), airline_code TEXT NOT NULL, flight_number INTEGER NOT NULL, seat INTEGER,
    FOREIGN KEY (airline_code, flight_number) REFERENCES flights (airline_code, flight_number)
);
CREATE TABLE delays (
    id INTEGER PRIMARY KEY, airline_code TEXT NOT NULL, flight_number INTEGER NOT NULL, leg_number INTEGER NOT NULL, minutes INTEGER,
    FOREIGN KEY (airline_code, flight_number, leg_number) REFERENCES flight_legs (airline_code, flight_number, leg_number)
);
CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER);
CREATE TABLE order_lines (order_id INTEGER NOT NULL REFERENCES orders (id), line_no INTEGER NOT NULL, qty INTEGER, PRIMARY KEY (order_id, line_no));
CREATE TABLE shipments (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, line_no INTEGER NOT NULL, FOREIGN KEY (order_id, line_no) REFERENCES order_lines (order_id, line_no));
CREATE TABLE tenants (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE invoices (tenant_id INTEGER NOT NULL REFERENCES tenants (id), id INTEGER NOT NULL, amount INTEGER, PRIMARY KEY (tenant_id, id));
CREATE TABLE payments (
    tenant_id INTEGER NOT NULL, id INTEGER NOT NULL, invoice_id INTEGER NOT NULL, PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id)
);
