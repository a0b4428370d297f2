-- The shape of the sample database Sakila.
CREATE TABLE actor (actor_id INTEGER NOT NULL PRIMARY KEY, first_name VARCHAR(45), last_update TIMESTAMP);
CREATE TABLE country (country_id INTEGER NOT NULL PRIMARY KEY, country VARCHAR(50));
CREATE TABLE city (city_id INTEGER NOT NULL PRIMARY KEY, city VARCHAR(50), country_id INT NOT NULL REFERENCES country (country_id));
CREATE TABLE address (address_id INTEGER NOT NULL PRIMARY KEY, address VARCHAR(50), address2 VARCHAR(50), city_id INT NOT NULL REFERENCES city (city_id), postal_code VARCHAR(10));
CREATE TABLE language (language_id INTEGER NOT NULL PRIMARY KEY, name CHAR(20));
CREATE TABLE category (category_id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(25));
CREATE TABLE customer (customer_id INTEGER NOT NULL PRIMARY KEY, store_id INT NOT NULL REFERENCES store (store_id), address_id INT NOT NULL REFERENCES address (address_id), active CHAR(1));
CREATE TABLE film (
    film_id INTEGER NOT NULL PRIMARY KEY, title VARCHAR(255), release_year VARCHAR(4), language_id INT NOT NULL REFERENCES language (language_id), original_language_id INT REFERENCES language (language_id),
    rental_duration SMALLINT, length SMALLINT, rating VARCHAR(10)
);
CREATE TABLE film_actor (actor_id INT NOT NULL REFERENCES actor (actor_id), film_id INT NOT NULL REFERENCES film (film_id), PRIMARY KEY (actor_id, film_id));
CREATE TABLE film_category (film_id INT NOT NULL REFERENCES film (film_id), category_id INT NOT NULL REFERENCES category (category_id), PRIMARY KEY (film_id, category_id));
CREATE TABLE film_text (film_id INTEGER NOT NULL PRIMARY KEY, title VARCHAR(255), description BLOB);
CREATE TABLE inventory (inventory_id INTEGER NOT NULL PRIMARY KEY, film_id INT NOT NULL REFERENCES film (film_id), store_id INT NOT NULL REFERENCES store (store_id));
CREATE TABLE staff (staff_id INTEGER NOT NULL PRIMARY KEY, first_name VARCHAR(45), address_id INT NOT NULL REFERENCES address (address_id), store_id INT NOT NULL REFERENCES store (store_id), active SMALLINT);
CREATE TABLE store (store_id INTEGER NOT NULL PRIMARY KEY, manager_staff_id INT NOT NULL REFERENCES staff (staff_id), address_id INT NOT NULL REFERENCES address (address_id));
CREATE TABLE payment (
    payment_id INTEGER NOT NULL PRIMARY KEY, customer_id INT NOT NULL REFERENCES customer (customer_id), staff_id INT NOT NULL REFERENCES staff (staff_id), rental_id INT REFERENCES rental (rental_id), amount DECIMAL(5,2)
);
CREATE TABLE rental (
    rental_id INTEGER NOT NULL PRIMARY KEY, rental_date TIMESTAMP, inventory_id INT NOT NULL REFERENCES inventory (inventory_id), customer_id INT NOT NULL REFERENCES customer (customer_id), staff_id INT NOT NULL REFERENCES staff (staff_id)
);
