-- The shape of the sample database Northwind.
CREATE TABLE Categories (CategoryID INTEGER PRIMARY KEY, CategoryName TEXT, Description TEXT);
CREATE TABLE CustomerCustomerDemo (
    CustomerID TEXT NOT NULL REFERENCES Customers (CustomerID), CustomerTypeID TEXT NOT NULL REFERENCES CustomerDemographics (CustomerTypeID), PRIMARY KEY (CustomerID, CustomerTypeID)
);
CREATE TABLE CustomerDemographics (CustomerTypeID TEXT NOT NULL PRIMARY KEY, CustomerDesc TEXT);
CREATE TABLE Customers (CustomerID TEXT PRIMARY KEY, CompanyName TEXT, ContactName TEXT, City TEXT, Region TEXT);
CREATE TABLE Employees (EmployeeID INTEGER PRIMARY KEY, LastName TEXT, Title TEXT, BirthDate DATE, ReportsTo INTEGER REFERENCES Employees (EmployeeID));
CREATE TABLE EmployeeTerritories (EmployeeID INTEGER NOT NULL REFERENCES Employees (EmployeeID), TerritoryID TEXT NOT NULL REFERENCES Territories (TerritoryID), PRIMARY KEY (EmployeeID, TerritoryID));
CREATE TABLE "Order Details" (OrderID INTEGER NOT NULL REFERENCES Orders (OrderID), ProductID INTEGER NOT NULL REFERENCES Products (ProductID), UnitPrice NUMERIC, Quantity INTEGER, Discount REAL, PRIMARY KEY (OrderID, ProductID));
CREATE TABLE Orders (
    OrderID INTEGER PRIMARY KEY, CustomerID TEXT REFERENCES Customers (CustomerID), EmployeeID INTEGER REFERENCES Employees (EmployeeID), OrderDate DATETIME,
    ShipVia INTEGER REFERENCES Shippers (ShipperID), Freight NUMERIC, ShipName TEXT, ShipRegion TEXT
);
CREATE TABLE Products (
    ProductID INTEGER PRIMARY KEY, ProductName TEXT NOT NULL, SupplierID INTEGER REFERENCES Suppliers (SupplierID), CategoryID INTEGER REFERENCES Categories (CategoryID),
    QuantityPerUnit TEXT, UnitsInStock INTEGER, ReorderLevel INTEGER
);
CREATE TABLE Regions (RegionID INTEGER NOT NULL PRIMARY KEY, RegionDescription TEXT);
CREATE TABLE Shippers (ShipperID INTEGER NOT NULL PRIMARY KEY, CompanyName TEXT, Phone TEXT);
CREATE TABLE Suppliers (SupplierID INTEGER NOT NULL PRIMARY KEY, CompanyName TEXT, Region TEXT, HomePage TEXT);
CREATE TABLE Territories (TerritoryID TEXT NOT NULL PRIMARY KEY, TerritoryDescription TEXT, RegionID INTEGER NOT NULL REFERENCES Regions (RegionID));
