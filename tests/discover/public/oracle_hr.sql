-- The shape of Oracle's sample schema HR.
CREATE TABLE regions (region_id INTEGER PRIMARY KEY, region_name VARCHAR(25));
CREATE TABLE countries (country_id CHAR(5) PRIMARY KEY, country_name VARCHAR(40), region_id INTEGER REFERENCES regions (region_id));
CREATE TABLE locations (location_id INTEGER PRIMARY KEY, street_address VARCHAR(40), postal_code VARCHAR(12), city VARCHAR(30), country_id CHAR(5) REFERENCES countries (country_id));
CREATE TABLE departments (department_id INTEGER PRIMARY KEY, department_name VARCHAR(30), manager_id INTEGER REFERENCES employees (employee_id), location_id INTEGER REFERENCES locations (location_id));
CREATE TABLE jobs (job_id VARCHAR(10) PRIMARY KEY, job_title VARCHAR(35), min_salary INTEGER, max_salary INTEGER);
CREATE TABLE employees (
    employee_id INTEGER PRIMARY KEY, first_name VARCHAR(20), email VARCHAR(25) UNIQUE, hire_date DATE, job_id VARCHAR(10) NOT NULL REFERENCES jobs (job_id), salary INTEGER,
    manager_id INTEGER REFERENCES employees (employee_id), department_id INTEGER REFERENCES departments (department_id)
);
CREATE TABLE job_history (
    employee_id INTEGER NOT NULL REFERENCES employees (employee_id), start_date DATE NOT NULL, end_date DATE, job_id VARCHAR(10) NOT NULL REFERENCES jobs (job_id), department_id INTEGER REFERENCES departments (department_id),
    PRIMARY KEY (employee_id, start_date)
);
