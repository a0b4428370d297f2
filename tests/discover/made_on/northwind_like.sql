-- A trading company of the nineties: CustomerID is text, keys bear the name of their table.
CREATE TABLE Customers (CustomerID NCHAR(5) PRIMARY KEY, CompanyName NVARCHAR(40), Region NVARCHAR(15), Phone NVARCHAR(24));
CREATE TABLE Employees (EmployeeID INTEGER PRIMARY KEY, LastName NVARCHAR(20), ReportsTo INTEGER REFERENCES Employees (EmployeeID), Extension INTEGER);
CREATE TABLE Shippers (ShipperID INTEGER PRIMARY KEY, CompanyName NVARCHAR(40));
CREATE TABLE Suppliers (SupplierID INTEGER PRIMARY KEY, CompanyName NVARCHAR(40), HomePage TEXT);
CREATE TABLE Categories (CategoryID INTEGER PRIMARY KEY, CategoryName NVARCHAR(15), Picture BLOB);
CREATE TABLE Products (
    ProductID INTEGER PRIMARY KEY, ProductName NVARCHAR(40), SupplierID INTEGER REFERENCES Suppliers (SupplierID), CategoryID INTEGER REFERENCES Categories (CategoryID),
    UnitsInStock SMALLINT, ReorderLevel SMALLINT
);
CREATE TABLE Orders (
    OrderID INTEGER PRIMARY KEY, CustomerID NCHAR(5) REFERENCES Customers (CustomerID), EmployeeID INTEGER REFERENCES Employees (EmployeeID), ShipperID INTEGER REFERENCES Shippers (ShipperID),
    Freight NUMERIC, ShipRegion NVARCHAR(15)
);
CREATE TABLE "Order Details" (
    OrderID INTEGER NOT NULL REFERENCES Orders (OrderID), ProductID INTEGER NOT NULL REFERENCES Products (ProductID), Quantity SMALLINT, PRIMARY KEY (OrderID, ProductID)
);
CREATE TABLE Regions (RegionID INTEGER PRIMARY KEY, RegionDescription NCHAR(50));
CREATE TABLE Territories (TerritoryID NVARCHAR(20) PRIMARY KEY, RegionID INTEGER NOT NULL REFERENCES Regions (RegionID));
CREATE TABLE EmployeeTerritories (
    EmployeeID INTEGER NOT NULL REFERENCES Employees (EmployeeID), TerritoryID NVARCHAR(20) NOT NULL REFERENCES Territories (TerritoryID), PRIMARY KEY (EmployeeID, TerritoryID)
);
