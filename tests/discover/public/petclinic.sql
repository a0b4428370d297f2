-- The shape of Spring's example Petclinic.
CREATE TABLE vets (id INTEGER PRIMARY KEY, first_name VARCHAR(30), last_name VARCHAR(30));
CREATE TABLE specialties (id INTEGER PRIMARY KEY, name VARCHAR(80));
CREATE TABLE vet_specialties (vet_id INTEGER NOT NULL REFERENCES vets (id), specialty_id INTEGER NOT NULL REFERENCES specialties (id));
CREATE TABLE types (id INTEGER PRIMARY KEY, name VARCHAR(80));
CREATE TABLE owners (id INTEGER PRIMARY KEY, first_name VARCHAR(30), city VARCHAR(80), telephone VARCHAR(20));
CREATE TABLE pets (id INTEGER PRIMARY KEY, name VARCHAR(30), birth_date DATE, type_id INTEGER NOT NULL REFERENCES types (id), owner_id INTEGER REFERENCES owners (id));
CREATE TABLE visits (id INTEGER PRIMARY KEY, pet_id INTEGER REFERENCES pets (id), visit_date DATE, description VARCHAR(255));
