-- The shape of MySQL's sample database employees.
CREATE TABLE employees (emp_no INT NOT NULL PRIMARY KEY, birth_date DATE, first_name VARCHAR(14), hire_date DATE);
CREATE TABLE departments (dept_no CHAR(4) NOT NULL PRIMARY KEY, dept_name VARCHAR(40) UNIQUE);
CREATE TABLE dept_manager (emp_no INT NOT NULL REFERENCES employees (emp_no), dept_no CHAR(4) NOT NULL REFERENCES departments (dept_no), from_date DATE, PRIMARY KEY (emp_no, dept_no));
CREATE TABLE dept_emp (emp_no INT NOT NULL REFERENCES employees (emp_no), dept_no CHAR(4) NOT NULL REFERENCES departments (dept_no), from_date DATE, PRIMARY KEY (emp_no, dept_no));
CREATE TABLE titles (emp_no INT NOT NULL REFERENCES employees (emp_no), title VARCHAR(50) NOT NULL, from_date DATE NOT NULL, PRIMARY KEY (emp_no, title, from_date));
CREATE TABLE salaries (emp_no INT NOT NULL REFERENCES employees (emp_no), salary INT NOT NULL, from_date DATE NOT NULL, PRIMARY KEY (emp_no, from_date));
