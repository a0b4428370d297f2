-- Microsoft Access: tbl before tables, the type before columns, fk before keys.
CREATE TABLE tblCustomer (CustomerID INTEGER PRIMARY KEY, strName TEXT, intOrders INTEGER);
CREATE TABLE tblOrder (OrderID INTEGER PRIMARY KEY, lngCustomerID INTEGER REFERENCES tblCustomer (CustomerID), dtmOrdered TEXT, intStatus INTEGER);
CREATE TABLE tblProduct (ProductID INTEGER PRIMARY KEY, strName TEXT, lngSupplierID INTEGER REFERENCES tblSupplier (SupplierID), intStock INTEGER);
CREATE TABLE tblSupplier (SupplierID INTEGER PRIMARY KEY, strName TEXT);
CREATE TABLE tblOrderDetail (OrderDetailID INTEGER PRIMARY KEY, lngOrderID INTEGER REFERENCES tblOrder (OrderID), lngProductID INTEGER REFERENCES tblProduct (ProductID), intQuantity INTEGER);
CREATE TABLE tbl_invoice (id INTEGER PRIMARY KEY, fk_order INTEGER REFERENCES tblOrder (OrderID), fk_customer_id INTEGER REFERENCES tblCustomer (CustomerID), total INTEGER);
CREATE TABLE tbl_invoice_line (id INTEGER PRIMARY KEY, id_invoice INTEGER NOT NULL REFERENCES tbl_invoice (id), amount INTEGER, pos INTEGER);
CREATE TABLE tblshipment (shipmentid INTEGER PRIMARY KEY, orderid INTEGER REFERENCES tblOrder (OrderID), carrierid INTEGER REFERENCES tblcarrier (carrierid), boxes INTEGER);
CREATE TABLE tblcarrier (carrierid INTEGER PRIMARY KEY, name TEXT, paid INTEGER, grid INTEGER);
