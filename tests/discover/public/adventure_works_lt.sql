-- The shape of Microsoft's sample database AdventureWorksLT.
CREATE TABLE Address (AddressID INTEGER PRIMARY KEY, AddressLine1 NVARCHAR(60), City NVARCHAR(30), PostalCode NVARCHAR(15), rowguid TEXT);
CREATE TABLE Customer (CustomerID INTEGER PRIMARY KEY, NameStyle BIT, CompanyName NVARCHAR(128), SalesPerson NVARCHAR(256), Phone NVARCHAR(25), rowguid TEXT);
CREATE TABLE CustomerAddress (CustomerID INTEGER NOT NULL REFERENCES Customer (CustomerID), AddressID INTEGER NOT NULL REFERENCES Address (AddressID), AddressType NVARCHAR(50), rowguid TEXT, PRIMARY KEY (CustomerID, AddressID));
CREATE TABLE ProductCategory (ProductCategoryID INTEGER PRIMARY KEY, ParentProductCategoryID INTEGER REFERENCES ProductCategory (ProductCategoryID), Name NVARCHAR(50), rowguid TEXT);
CREATE TABLE ProductModel (ProductModelID INTEGER PRIMARY KEY, Name NVARCHAR(50), rowguid TEXT);
CREATE TABLE ProductDescription (ProductDescriptionID INTEGER PRIMARY KEY, Description NVARCHAR(400));
CREATE TABLE ProductModelProductDescription (
    ProductModelID INTEGER NOT NULL REFERENCES ProductModel (ProductModelID), ProductDescriptionID INTEGER NOT NULL REFERENCES ProductDescription (ProductDescriptionID), Culture NCHAR(6) NOT NULL,
    PRIMARY KEY (ProductModelID, ProductDescriptionID, Culture)
);
CREATE TABLE Product (
    ProductID INTEGER PRIMARY KEY, Name NVARCHAR(50), ProductNumber NVARCHAR(25) UNIQUE, Color NVARCHAR(15), ListPrice NUMERIC, ProductCategoryID INTEGER REFERENCES ProductCategory (ProductCategoryID),
    ProductModelID INTEGER REFERENCES ProductModel (ProductModelID), SellStartDate DATETIME
);
CREATE TABLE SalesOrderHeader (
    SalesOrderID INTEGER PRIMARY KEY, RevisionNumber TINYINT, Status TINYINT, SalesOrderNumber NVARCHAR(25) UNIQUE, CustomerID INTEGER NOT NULL REFERENCES Customer (CustomerID),
    ShipToAddressID INTEGER REFERENCES Address (AddressID), BillToAddressID INTEGER REFERENCES Address (AddressID), ShipMethod NVARCHAR(50), TotalDue NUMERIC
);
CREATE TABLE SalesOrderDetail (
    SalesOrderID INTEGER NOT NULL REFERENCES SalesOrderHeader (SalesOrderID), SalesOrderDetailID INTEGER NOT NULL, OrderQty SMALLINT, ProductID INTEGER NOT NULL REFERENCES Product (ProductID), rowguid TEXT,
    PRIMARY KEY (SalesOrderID, SalesOrderDetailID)
);
